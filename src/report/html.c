/* html.c -- the shell of every page: its style sheet, escaping, writing. */
#include "report/html.h"

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
    "th.n{white-space:normal}td.n:empty{padding:0}\n"
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
    ".numbers thead{display:none}.numbers tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--rule)}"
    ".numbers td{display:inline-block;border:0;padding:0 1rem 0 0;text-align:left}.numbers td.q{display:block}"
    ".numbers td.n::before,.numbers td.q:nth-child(n+3)::before,.numbers td.q:nth-child(2):not(:last-child)::before"
    "{content:attr(data-name) ' ';color:var(--soft)}.numbers td.n:empty{display:none}}\n";

void sd__html_text(sd_string *page, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': sd__string_add(page, "&amp;"); break;
        case '<': sd__string_add(page, "&lt;"); break;
        case '>': sd__string_add(page, "&gt;"); break;
        case '"': sd__string_add(page, "&quot;"); break;
        default: sd__string_add_bytes(page, text, 1);
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
