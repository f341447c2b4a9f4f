/* figure.c -- figures by gnuplot: a script goes in, SVG comes out, its colours are replaced by the page's. */
#include "report/figure.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/html.h"

extern char **environ;

/* ---- CSV ----------------------------------------------------------------------------------------------------------------- */

static void csv_number(FILE *file, double value, char end)
{
    if (isfinite(value))
        fprintf(file, "%.17g", value);
    fputc(end, file);
}

static void csv_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputs("\",", file);
}

sd_status sd__figure_csv(const sd_figure *figure, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return sd__fail(SD_EIO, "%s: %s", path, strerror(errno));
    fputs("series,x,y,low,high\n", file);
    for (int s = 0; s < figure->n_series; s++)
        for (int i = 0; i < figure->series[s].n; i++) {
            const sd_figure_point *p = &figure->series[s].point[i];
            csv_text(file, figure->series[s].name);
            csv_number(file, p->x, ',');
            csv_number(file, p->y, ',');
            csv_number(file, p->low, ',');
            csv_number(file, p->high, '\n');
        }
    bool good = !ferror(file);
    return (fclose(file) == 0 && good) ? SD_OK : sd__fail(SD_EIO, "%s: cannot be written: %s", path, strerror(errno));
}

/* ---- script -------------------------------------------------------------------------------------------------------------- */

/* Colours that no figure uses, to be found again in the SVG: ink, grid, then the series. */
static const char *const ink = "#010101", *const grid = "#020202";

/* A gnuplot string: quotes doubled, control characters dropped. */
static void quoted(sd_string *script, const char *text)
{
    sd__string_add(script, "'");
    for (; *text; text++) {
        if ((unsigned char)*text >= ' ')
            sd__string_add_bytes(script, text, 1);
        if (*text == '\'')
            sd__string_add(script, "'");
    }
    sd__string_add(script, "'");
}

/* A logarithmic axis has no place for what is not positive. */
static bool shown(const sd_figure *figure, const sd_figure_point *p)
{
    return isfinite(p->x) && isfinite(p->y) && !(figure->log_x && p->x <= 0) && !(figure->log_y && p->y <= 0);
}

/* Points with their error bars; an infinite end is cut at the point, one that a logarithm cannot take a little below it. */
static void data(const sd_figure *figure, sd_string *script)
{
    for (int s = 0; s < figure->n_series; s++) {
        sd__string_add(script, "$d%d << EOD\n", s);
        for (int i = 0; i < figure->series[s].n; i++) {
            const sd_figure_point *p = &figure->series[s].point[i];
            double low = isfinite(p->low) ? p->low : p->y, high = isfinite(p->high) ? p->high : p->y;
            if (figure->log_y && low <= 0)
                low = p->y / 10;
            if (shown(figure, p))
                sd__string_add(script, "%.10g %.10g %.10g %.10g\n", p->x, p->y, low, high);
            else
                sd__string_add(script, "\n"); /* the line or the polygon ends */
        }
        sd__string_add(script, "EOD\n");
    }
}

static int count_shown(const sd_figure *figure, const sd_figure_series *series)
{
    int n = 0;
    for (int i = 0; i < series->n; i++)
        n += shown(figure, &series->point[i]);
    return n;
}

static bool has_bars(const sd_figure_series *series)
{
    for (int i = 0; i < series->n; i++)
        if (isfinite(series->point[i].low))
            return true;
    return false;
}

static void plot_series(const sd_figure *figure, int s, sd_string *script)
{
    static const int shape[] = {7, 5, 9, 13, 11, 6}; /* filled circle, square, triangle, ... */
    const sd_figure_series *series = &figure->series[s];
    int colour = s % SD_FIGURE_COLOURS, many = series->n > 100;
    sd__string_add(script, "$d%d using ", s);
    if (series->style == SD_FIGURE_LINE || series->style == SD_FIGURE_DASHES)
        sd__string_add(script, "1:2 with lines lw 2 dt %d", series->style == SD_FIGURE_DASHES ? 2 : 1);
    else if (series->style == SD_FIGURE_AREAS)
        sd__string_add(script, "1:2 with filledcurves closed fs transparent solid 0.45 border lw 0.5");
    else if (series->style == SD_FIGURE_BARS)
        sd__string_add(script, "1:2:3:4:(0.6) with boxerrorbars fs solid 0.35 lw 1.5");
    else if (has_bars(series))
        sd__string_add(script, "1:2:3:4 with yerrorbars lw 1.5 pt %d ps 0.6", shape[colour]);
    else
        sd__string_add(script, "1:2 with points pt %d ps %s", shape[colour], many ? "0.25" : "0.6");
    sd__string_add(script, " lc rgb '#0301%02x' title ", colour + 1);
    quoted(script, series->style == SD_FIGURE_AREAS ? "" : series->name); /* neighbours in one colour mean nothing */
}

/* Characters of the longest label; *all receives the sum, with room between. */
static int longest_label(const sd_figure *figure, int *all)
{
    int most = 0;
    *all = 0;
    for (int i = 0; i < figure->n_ticks; i++) {
        int length = 0;
        for (const char *c = figure->tick[i].label; *c; c++)
            length += ((unsigned char)*c & 0xC0) != 0x80;
        most = SD_MAX(most, length);
        *all += length + 2;
    }
    return most;
}

/* Labels that do not fit side by side are set at an angle, many upright. */
static const char *turned(const sd_figure *figure)
{
    enum { FIT = 66, SLANTED = 16 };
    int all;
    longest_label(figure, &all);
    return all <= FIT ? "" : figure->n_ticks <= SLANTED ? "rotate by 35 right " : "rotate by 90 right ";
}

static void ticks(const sd_figure *figure, sd_string *script)
{
    if (!figure->n_ticks)
        return;
    double first = figure->tick[0].x, last = first;
    sd__string_add(script, "set xtics %s(", turned(figure));
    for (int i = 0; i < figure->n_ticks; i++) {
        quoted(script, figure->tick[i].label);
        sd__string_add(script, " %.10g%s", figure->tick[i].x, i + 1 < figure->n_ticks ? ", " : ")\n");
        first = fmin(first, figure->tick[i].x);
        last = fmax(last, figure->tick[i].x);
    }
    sd__string_add(script, "set xrange [%.10g:%.10g]\n", first - 0.6, last + 0.6);
}

static void widen(double value, double *first, double *last)
{
    if (value > 0 && isfinite(value)) {
        *first = fmin(*first, value);
        *last = fmax(*last, value);
    }
}

/* From where to where a logarithmic axis has something to show, error bars included. */
static void extent(const sd_figure *figure, char axis, double *first, double *last)
{
    *first = INFINITY;
    *last = 0;
    for (int s = 0; s < figure->n_series; s++)
        for (int i = 0; i < figure->series[s].n; i++) {
            const sd_figure_point *p = &figure->series[s].point[i];
            if (!shown(figure, p))
                continue;
            widen(axis == 'x' ? p->x : p->y, first, last);
            if (axis == 'y') {
                widen(p->low <= 0 ? p->y / 10 : p->low, first, last);
                widen(p->high, first, last);
            }
        }
}

/* Where there are few powers of ten, twice and five times them have their numbers, too. */
static void more_ticks(char axis, double first, double last, sd_string *script)
{
    for (double power = pow(10, floor(log10(first))); power < last && last / first < 30; power *= 10)
        sd__string_add(script, "set %ctics add (%.10g, %.10g)\n", axis, 2 * power, 5 * power);
}

/* gnuplot knows no offsets on a logarithmic axis: the room at either end is a factor. */
static void range_of_logarithms(const sd_figure *figure, char axis, double room, sd_string *script)
{
    double first, last;
    extent(figure, axis, &first, &last);
    double factor = last > first ? pow(last / first, room) : 2;
    sd__string_add(script, "set %crange [%.10g:%.10g]\n", axis, first / factor, last * factor);
    more_ticks(axis, first / factor, last * factor, script);
}

/* Points and their bars keep clear of the axes. (With ticks of its own, there is room.) */
static void margins(const sd_figure *figure, sd_string *script)
{
    const double room = 0.03;
    bool points = false;
    for (int s = 0; s < figure->n_series; s++)
        points = points || figure->series[s].style == SD_FIGURE_POINTS;
    if (figure->log_y)
        range_of_logarithms(figure, 'y', room, script);
    if (!points || figure->n_ticks)
        return;
    if (figure->log_x)
        range_of_logarithms(figure, 'x', room, script);
    else
        sd__string_add(script, "set autoscale xfix\nset offsets graph %g, graph %g, 0, 0\n", room, room);
}

/* What stands around the plot takes none of its room: the names above it, from the fifth on, nor labels that are turned. */
static int height(const sd_figure *figure)
{
    enum { ROOM_FOR = 4, LINE = 19, LETTER = 6 };
    bool named = figure->series[0].style != SD_FIGURE_AREAS;
    int all, label = longest_label(figure, &all);
    return 330 + (named ? LINE * SD_MAX(0, figure->n_series - ROOM_FOR) : 0) + (*turned(figure) ? LETTER * label : 0);
}

/* The whole script: terminal, axes, data, plot. */
static void script_of(const sd_figure *figure, sd_string *script)
{
    sd__string_add(script, "set encoding utf8\nset terminal svg size 480,%d dynamic noenhanced font 'sans-serif,12' name '",
                   height(figure));
    for (const char *c = figure->name; *c; c++) /* gnuplot allows letters, digits and '_' */
        sd__string_add(script, "%c", *c == '-' ? '_' : *c);
    sd__string_add(script, "'\n");
    sd__string_add(script, "set border 3 lc rgb '%s'\nset tics nomirror textcolor rgb '%s'\n", ink, ink);
    sd__string_add(script, "set grid lc rgb '%s' lt 1 lw 0.5\n", grid);
    sd__string_add(script, "set key above left Left reverse maxcols 1 textcolor rgb '%s'\n", ink);
    sd__string_add(script,
                   "set boxwidth 0.6\nset format '%%g'\nset pointintervalbox 0.01\n"); /* no rim that hides short bars */
    sd__string_add(script, "set xlabel ");
    quoted(script, figure->x_label);
    sd__string_add(script, " textcolor rgb '%s'\nset ylabel ", ink);
    quoted(script, figure->y_label);
    sd__string_add(script, " textcolor rgb '%s'\n", ink);
    if (figure->log_x)
        sd__string_add(script, "set logscale x\n");
    if (figure->log_y)
        sd__string_add(script, "set logscale y\n");
    else if (figure->series[0].style == SD_FIGURE_BARS) /* their length is read, so they begin at 0 */
        sd__string_add(script, "set yrange [*<0:0<*]\n");
    else
        sd__string_add(script, "set yrange [*:*]\n");
    if (figure->series[0].style == SD_FIGURE_AREAS) /* up to the border, and no grid over the colours */
        sd__string_add(script, "set autoscale xfix\nset autoscale yfix\nunset grid\n");
    ticks(figure, script);
    margins(figure, script);
    data(figure, script);
    sd__string_add(script, "plot ");
    for (int s = 0, drawn = 0; s < figure->n_series; s++) {
        if (!count_shown(figure, &figure->series[s]))
            continue;
        sd__string_add(script, "%s", drawn++ ? ", " : "");
        plot_series(figure, s, script);
    }
    sd__string_add(script, "\n");
}

/* ---- gnuplot ------------------------------------------------------------------------------------------------------------- */

/* Runs gnuplot with `input` as its script; what it prints goes to `output`, its complaints nowhere. */
static sd_status spawn(FILE *input, FILE *output)
{
    posix_spawn_file_actions_t actions;
    char *const arguments[] = {"gnuplot", "-", NULL};
    pid_t child;
    int state;
    if (posix_spawn_file_actions_init(&actions))
        return sd__fail(SD_ENOMEM, "out of memory");
    posix_spawn_file_actions_adddup2(&actions, fileno(input), 0);
    posix_spawn_file_actions_adddup2(&actions, fileno(output), 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1 /* O_WRONLY */, 0);
    int error = posix_spawnp(&child, "gnuplot", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        return sd__fail(error == ENOENT ? SD_ENOTFOUND : SD_EIO, "gnuplot: %s; figures need it (Debian: gnuplot-nox)",
                        strerror(error));
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return sd__fail(SD_EIO, "gnuplot: %s", strerror(errno));
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return SD_OK;
    return sd__fail(SD_EIO, "gnuplot failed on a figure (status %d)", state);
}

static sd_status read_all(FILE *file, sd_string *text)
{
    char block[4096];
    size_t got;
    rewind(file);
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        sd__string_add_bytes(text, block, got);
    return text->failed ? sd__fail(SD_ENOMEM, "out of memory") : SD_OK;
}

/* Temporary files rather than pipes: neither side can block the other. */
static sd_status draw(const sd_string *script, sd_string *svg)
{
    FILE *input = tmpfile(), *output = tmpfile();
    sd_status status = SD_OK;
    if (!input || !output || fwrite(script->text, 1, script->length, input) != script->length || fflush(input))
        status = sd__fail(SD_EIO, "a temporary file for gnuplot: %s", strerror(errno));
    if (status == SD_OK) {
        rewind(input);
        status = spawn(input, output);
    }
    if (status == SD_OK)
        status = read_all(output, svg);
    if (input)
        fclose(input);
    if (output)
        fclose(output);
    return status;
}

/* ---- colours and ids ----------------------------------------------------------------------------------------------------- */

/*
 * What to write instead of what stands at `at`, of *length bytes; NULL: nothing special. gnuplot writes a colour in three ways.
 */
static const char *colour_at(const char *at, size_t *length, char room[32])
{
    unsigned r, g, b;
    int used = 0;
    *length = 5;
    if (!strncmp(at, "black", 5))
        return "currentColor";
    if (!strncmp(at, "white", 5)) /* a rim around points, in the colour of the paper */
        return "var(--back)";
    if (sscanf(at, "rgb( %u , %u , %u )%n", &r, &g, &b, &used) != 3 || !used)
        if (sscanf(at, "#%2x%2x%2x%n", &r, &g, &b, &used) != 3 || used != 7)
            return NULL;
    *length = (size_t)used;
    if ((r == 1 && g == 1 && b == 1) || (r == 0 && g == 0 && b == 0))
        return "currentColor";
    if (r == 2 && g == 2 && b == 2)
        return "var(--grid)";
    if (r != 3 || g != 1)
        return NULL;
    snprintf(room, 32, "var(--series-%u)", b);
    return room;
}

/* Ids are gpPt7, gpDot, gnuplot_canvas: in a page with two figures they would meet. */
static const char *id_at(const char *at, size_t *length)
{
    static const char *const starts[] = {"gpPt", "gpDot", "gnuplot_canvas", "textbox", "greybox"};
    for (size_t i = 0; i < SD_COUNT(starts); i++)
        if (!strncmp(at, starts[i], *length = strlen(starts[i])))
            return starts[i];
    return NULL;
}

static bool starts_word(const char *text, const char *at)
{
    return at > text && (at[-1] == '\'' || at[-1] == '"' || at[-1] == '#');
}

/* A label, with its numbers as people write them; returns its bytes. */
static size_t put_label(const char *at, sd_string *text)
{
    size_t length = strcspn(at, "<"), i = 0;
    while (i < length) {
        size_t number = sd__html_number(at, at + i, text);
        if (!number)
            sd__string_add_bytes(text, at + i, number = 1);
        i += number;
    }
    return length;
}

/* From the <svg> on, with the page's colours and with ids of its own. */
static char *recolour(const char *svg, const char *name)
{
    sd_string text = {0};
    const char *from = strstr(svg, "<svg");
    for (const char *at = from ? from : svg; *at;) {
        char room[32];
        size_t length = 1;
        bool quoted = starts_word(svg, at);
        const char *colour = quoted ? colour_at(at, &length, room) : NULL, *id = quoted && !colour ? id_at(at, &length) : NULL;
        if (colour)
            sd__string_add(&text, "%s", colour);
        else if (id)
            sd__string_add(&text, "%s-%s", name, id);
        else
            sd__string_add_bytes(&text, at, length = 1);
        at += length;
        if (at - svg >= 6 && !strncmp(at - 6, "<text>", 6))
            at += put_label(at, &text);
    }
    return sd__string_take(&text);
}

int sd__figure_points(const sd_figure *figure)
{
    int points = 0;
    for (int s = 0; s < figure->n_series; s++)
        points += count_shown(figure, &figure->series[s]);
    return points;
}

sd_status sd__figure_svg(const sd_figure *figure, char **svg)
{
    sd_string script = {0}, drawn = {0};
    if (!sd__figure_points(figure))
        return sd__fail(SD_EINVAL, "figure %s has no points", figure->name);
    script_of(figure, &script);
    sd_status status = script.failed ? sd__fail(SD_ENOMEM, "out of memory") : draw(&script, &drawn);
    if (status == SD_OK && !drawn.length)
        status = sd__fail(SD_EIO, "gnuplot drew nothing for figure %s", figure->name);
    if (status == SD_OK && !(*svg = recolour(drawn.text, figure->name)))
        status = sd__fail(SD_ENOMEM, "out of memory");
    free(script.text);
    free(drawn.text);
    return status;
}
