/* section_text.h -- an instrument's section on the terminal. */
#ifndef SD_CLI_SECTION_TEXT_H
#define SD_CLI_SECTION_TEXT_H

#include <jansson.h>

/*
 * Prints a section as sd__examine() made it to stdout: sentences wrapped, numbers and tables in columns,
 * figures by their captions.
 */
void sd__section_print(const json_t *section);

/* Prints a word, and a text beside it that is wrapped under itself. */
void sd__print_beside(const char *word, const char *text);

#endif
