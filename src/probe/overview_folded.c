/* overview_folded.c -- what belongs to page one and is folded below it: figures, tables and pictures for who wants to see for himself. */
#include "probe/overview_inside.h"

void sd__overview_fold(const sd_overview *o, sd_section *s)
{
    (void)o;
    (void)s;
}
