/* html.c -- the shell of every page: its style sheet, escaping, writing. */
#include "report/html.h"

#include <string.h>

#include "base/file.h"

static const char style[] =
    ":root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--soft:#57606a;--rule:#d0d7de;--card:#f6f8fa;--link:#0a58ca;"
    "--grid:#e3e6ea;--good:#116329;--bad:#a40e26;--open:#7d4e00;"
    "--series-1:#0a58ca;--series-2:#bc4c00;--series-3:#1a7f37;--series-4:#8250df;--series-5:#bf3989;--series-6:#57606a}\n"
    "@media(prefers-color-scheme:dark){:root{--back:#0d1117;--ink:#e6edf3;--soft:#9da7b3;--rule:#30363d;--card:#161b22;"
    "--link:#79b8ff;--grid:#2a3038;--good:#56d364;--bad:#ff8a80;--open:#e3b341;"
    "--series-1:#79b8ff;--series-2:#ffa657;--series-3:#56d364;--series-4:#d2a8ff;--series-5:#ff9bce;--series-6:#9da7b3}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:1rem;max-width:52rem;background:var(--back);color:var(--ink);"
    "font:16px/1.55 system-ui,sans-serif;overflow-wrap:anywhere}\n"
    "a{color:var(--link)}\n"
    "nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:1rem 0}"
    "details{margin:2rem 0;border-top:1px solid var(--rule);padding-top:.5rem}summary{cursor:pointer;font-weight:600}\n"
    "h1{font-size:1.6rem;line-height:1.25;margin:.4rem 0 1rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}\n"
    "p{margin:.5rem 0}.caption{margin-top:1.25rem}.soft{color:var(--soft)}.small{font-size:.875rem}\n"
    "code{font:.875em ui-monospace,monospace;background:var(--card);padding:.1em .3em;border-radius:4px}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}\n"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .5rem;border-bottom:1px solid "
    "var(--rule);overflow-wrap:break-word}\n"
    "th{color:var(--soft);font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:normal;"
    "white-space:nowrap}\n"
    "th.n{white-space:normal}td.n:empty{padding:0}sub,sup{line-height:0}\n"
    ".dense{font-size:.8rem}.dense th,.dense td{padding:.3rem .25rem}\n"
    "figure{margin:1rem 0}figure "
    "svg{width:100%;max-width:42rem;height:auto;display:block}figcaption{color:var(--soft);font-size:.9rem}\n"
    ".wide{overflow-x:auto}\n"
    ".gallery{display:flex;flex-wrap:wrap;gap:.75rem;margin:.5rem 0}.gallery figure{margin:0;min-width:7.5rem;max-width:100%}"
    ".gallery img{display:block;max-width:100%;height:auto;image-rendering:pixelated;outline:1px solid var(--rule)}.gallery "
    "figcaption{max-width:12rem;"
    "font-size:.8rem}\n"
    ".card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:.6rem .8rem;margin:.6rem 0}\n"
    ".verdict{font-weight:700;white-space:nowrap}.CONFIRMED{color:var(--good)}.REFUTED{color:var(--bad)}.NOT{color:var(--open)}"
    "\n"
    ".claims{list-style:none;padding:0;margin:0}.claims li{border-bottom:1px solid var(--rule);padding:.5rem 0}\n"
    ".claims .id{font-weight:700;margin-right:.4rem}\n"
    "@media(max-width:34rem){body{padding:.75rem}th,td{padding:.3rem .25rem}table{font-size:.8125rem}"
    ".matrix{font-size:.7rem}.matrix th,.matrix td{padding:.25rem .1rem}"
    ".gallery{gap:.5rem}.gallery figure{min-width:0;width:calc(33% - .4rem)}"
    ".numbers thead{display:none}.numbers tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--rule)}"
    ".numbers td{display:inline-block;border:0;padding:0 1rem 0 0;text-align:left}.numbers td.q{display:block}"
    ".numbers td.q:first-child{font-weight:600}.numbers td.part,.numbers td.part+td.q{display:inline;padding:0}"
    ".numbers td.part:not(:empty){padding-right:.5rem;font-weight:600}.numbers td.part+td.q::after{content:'';display:block}"
    ".numbers td.n::before,.numbers td.q:nth-child(n+3)::before,.numbers "
    "td.q:nth-child(2):not(:last-child):not(.part+td)::before"
    "{content:attr(data-name) ' ';color:var(--soft)}.numbers td.n:empty{display:none}}\n";

/* ---- numbers as people write them ---------------------------------------------------------------------------------------- */

static const char *const superscript[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};

static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static size_t digits_at(const char *at)
{
    size_t n = 0;
    while (digit(at[n]))
        n++;
    return n;
}

/* Length of the "e-05" at `at`, or 0. */
static size_t exponent_at(const char *at)
{
    size_t n = at[0] == 'e' && (at[1] == '-' || at[1] == '+') ? digits_at(at + 2) : 0;
    return n >= 1 && n <= 3 && !letter(at[2 + n]) ? 2 + n : 0;
}

static void add_power(sd_string *out, const char *exponent, size_t length)
{
    size_t i = 2;
    while (i + 1 < length && exponent[i] == '0')
        i++;
    sd__string_add(out, exponent[1] == '-' ? "10⁻" : "10");
    for (; i < length; i++)
        sd__string_add(out, "%s", superscript[exponent[i] - '0']);
}

static bool starts_number(const char *text, const char *at)
{
    return at == text || (at[-1] > 0 && !digit(at[-1]) && !letter(at[-1]) && !strchr("._-/", at[-1]));
}

/* 1234567 as 1,234,567: a run of seven digits or more that is no part of a word. */
static size_t add_groups(const char *text, const char *at, sd_string *out)
{
    size_t n = digits_at(at);
    if (n < 7 || !starts_number(text, at) || letter(at[n]) || at[n] == '.' || at[n] == '-')
        return 0;
    for (size_t i = 0; i < n; i++)
        sd__string_add(out, "%s%c", i && (n - i) % 3 == 0 ? "," : "", at[i]);
    return n;
}

size_t sd__html_number(const char *text, const char *at, sd_string *out)
{
    size_t length;
    if (*at == '-' && digit(at[1]) && (at == text || strchr(" ([=", at[-1]))) {
        sd__string_add(out, "−");
        return 1;
    }
    if (*at == '1' && starts_number(text, at) && (length = exponent_at(at + 1))) {
        add_power(out, at + 1, length);
        return 1 + length;
    }
    if (at > text && digit(at[-1]) && (length = exponent_at(at))) {
        sd__string_add(out, "·");
        add_power(out, at, length);
        return length;
    }
    return digit(*at) ? add_groups(text, at, out) : 0;
}

/* ---- text ---------------------------------------------------------------------------------------------------------------- */

static size_t plain(const char *text, const char *at, sd_string *page)
{
    size_t length = sd__html_number(text, at, page);
    if (length)
        return length;
    switch (*at) {
    case '&': sd__string_add(page, "&amp;"); break;
    case '<': sd__string_add(page, "&lt;"); break;
    case '>': sd__string_add(page, "&gt;"); break;
    case '"': sd__string_add(page, "&quot;"); break;
    default: sd__string_add_bytes(page, at, 1);
    }
    return 1;
}

void sd__html_text(sd_string *page, const char *text)
{
    for (const char *at = text; *at;)
        at += plain(text, at, page);
}

/* ---- formulas ------------------------------------------------------------------------------------------------------------ */

/* What stands in brackets from `at` on, both included; 0: nothing. */
static size_t brackets_at(const char *at)
{
    int depth = 0;
    for (size_t n = 0; at[n] && *at == '('; n++) {
        depth += (at[n] == '(') - (at[n] == ')');
        if (!depth)
            return n + 1;
    }
    return 0;
}

/* Letters, digits, 1.5, and subscripts that are characters of their own (E2 82 80 to E2 82 9C). */
static size_t word_at(const char *at)
{
    size_t n = 0;
    for (;; n++)
        if (!strncmp(at + n, "\xE2\x82", 2) && at[n + 2])
            n += 2;
        else if (!digit(at[n]) && !letter(at[n]) && !(n && at[n] == '.' && digit(at[n + 1])))
            return n;
}

/* Behind a '^': (k+1), or a word, perhaps with a minus before and brackets behind. */
static size_t exponent_of(const char *at)
{
    size_t sign = strncmp(at, "−", strlen("−")) ? 0 : strlen("−"), n = brackets_at(at);
    if (n)
        return n;
    n = word_at(at + sign);
    return n ? sign + n + brackets_at(at + sign + n) : 0;
}

static void put_raised(sd_string *page, const char *tag, const char *at, size_t n)
{
    bool bare = *at == '(' && brackets_at(at) == n; /* brackets that only hold the exponent together */
    sd__string_add(page, "<%s>", tag);
    for (size_t i = bare; i < n - bare;)
        i += plain(at, at + i, page);
    sd__string_add(page, "</%s>", tag);
}

void sd__html_formula(sd_string *page, const char *text)
{
    for (const char *at = text; *at;) {
        size_t n = *at == '^' ? exponent_of(at + 1) : *at == '_' && at > text && at[-1] != ' ' ? word_at(at + 1) : 0;
        if (n)
            put_raised(page, *at == '^' ? "sup" : "sub", at + 1, n);
        at += n ? 1 + n : plain(text, at, page);
    }
}

/* The empty icon keeps browsers from asking for /favicon.ico. */
void sd__html_begin(sd_string *page, const char *title)
{
    sd__string_add(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                         "<link rel=\"icon\" href=\"data:,\">\n<title>");
    sd__html_text(page, title);
    sd__string_add(page, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", style);
}

void sd__html_end(sd_string *page) { sd__string_add(page, "</body>\n</html>\n"); }

sd_status sd__html_write(const sd_string *page, const char *path)
{
    return page->failed ? sd__fail(SD_ENOMEM, "%s: out of memory", path)
                        : sd__file_write_atomic(path, page->text, page->length);
}
