/* schedule.c -- the learning rate as a pure function of the step. */
#include <math.h>
#include <sonde/optim.h>

static const char *const names[] = {"constant", "step", "cosine"};

const char *sd_schedule_name(sd_schedule_kind kind) { return (unsigned)kind < 3 ? names[kind] : "?"; }

/* How often the rate has dropped when `epoch` epochs are done. */
static int drops(const sd_schedule *s, double epoch)
{
    if (s->every > 0)
        return (int)fmin(floor(epoch / s->every), 1e6);
    int passed = 0;
    while (passed < s->milestones && passed < SD_MAX_MILESTONES && s->milestone[passed] <= epoch)
        passed++;
    return passed;
}

/* Half a cosine over the steps behind the warm-up; the last step has the last rate. */
static double cosine(const sd_schedule *s, int64_t step, int64_t total_steps)
{
    int64_t first = s->warmup, last = total_steps - 1;
    if (step >= last)
        return last > first ? s->final : 1;
    double done = step <= first ? 0 : (double)(step - first) / (double)(last - first);
    return s->final + (1 - s->final) * 0.5 * (1 + cos(3.14159265358979323846 * done));
}

double sd_schedule_lr(const sd_schedule *schedule, double lr, int64_t step, int64_t epoch_steps, int64_t total_steps)
{
    if (step < schedule->warmup)
        lr *= (double)(step + 1) / (double)schedule->warmup;
    if (schedule->kind == SD_SCHEDULE_STEP)
        return lr * pow(schedule->factor, drops(schedule, (double)step / (double)(epoch_steps > 0 ? epoch_steps : 1)));
    if (schedule->kind == SD_SCHEDULE_COSINE && step >= schedule->warmup)
        return lr * cosine(schedule, step, total_steps);
    return lr;
}
