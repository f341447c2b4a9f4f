/* catalogue.c -- the table of claims, and the names of what they are made of. */
#include <string.h>

#include "lab/claim.h"

#define SD_CLAIM(name) extern const sd_claim sd__claim_##name;
#include "lab/claims.def"
#undef SD_CLAIM

static const sd_catalogue_entry entries[] = {
#define SD_CLAIM(name) {&sd__claim_##name, "src/lab/claims/" #name ".c"},
#include "lab/claims.def"
#undef SD_CLAIM
};

const sd_catalogue_entry *sd__catalogue(int *count)
{
    *count = (int)SD_COUNT(entries);
    return entries;
}

const sd_catalogue_entry *sd__catalogue_find(const char *id)
{
    for (size_t i = 0; i < SD_COUNT(entries); i++)
        if (!strcasecmp(entries[i].claim->id, id))
            return &entries[i];
    return NULL;
}

const char *sd__claim_kind_name(sd_claim_kind kind)
{
    static const char *const name[SD_CLAIM_KINDS] = {"theorem", "construction", "arithmetic", "measurement", "opinion"};
    return (unsigned)kind < SD_CLAIM_KINDS ? name[kind] : "?";
}

const char *sd__question_name(sd_question question)
{
    static const char *const name[SD_QUESTIONS] = {"why well", "why better than other models", "why at all"};
    return (unsigned)question < SD_QUESTIONS ? name[question] : "?";
}

const char *sd__verdict_name(sd_verdict verdict)
{
    static const char *const name[SD_VERDICTS] = {"NOT DECIDED", "CONFIRMED", "REFUTED"};
    return (unsigned)verdict < SD_VERDICTS ? name[verdict] : "?";
}

const char *const sd__lectures[SD_LECTURES] = {"D0", "D1", "D2", "D3", "D4"};

const char *sd__lecture_name(const char *lecture)
{
    static const char *const name[SD_LECTURES] = {"Cerrato 2017", "Mishkin 2019", "Artières 2019", "Ruderman 2014",
                                                  "Herman, KTH"};
    for (int i = 0; i < SD_LECTURES; i++)
        if (!strncmp(lecture, sd__lectures[i], 2))
            return name[i];
    return "?";
}

int sd__claim_parts(const sd_claim *claim)
{
    int n = 0;
    while (n < SD_CLAIM_PARTS && claim->part[n].id)
        n++;
    return n;
}
