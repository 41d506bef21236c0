/* programs/registry/show.h: the command settings, which writes docs/registry/settings.md too. */
#include <stdio.h>
#include <string.h>

#include "programs/registry/output.h"
#include "programs/registry/show.h"
#include "registry/settings.h"

#define TYPE_TEXT_MAX 128

/* "|" ends a cell of a table, also between back quotes; "<" begins HTML. */
static void print_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("|<_", *text) != NULL) {
            putchar('\\');
        }
        putchar(*text);
    }
}

static void print_heading(const struct setting *s)
{
    if (s->key[0] == '\0') {
        printf("\n## `%s`, before every section\n\n", s->file);
    } else {
        printf("\n## `%s`, section `[%s]`\n\n", s->file, s->key);
    }
    fputs("| name | value | default | acts | used by | meaning |\n"
          "| --- | --- | --- | --- | --- | --- |\n",
          stdout);
}

static void print_row(const struct setting *s)
{
    char type[TYPE_TEXT_MAX];
    printf("| `%s` | ", s->name);
    print_cell(setting_type_text(s, type, sizeof type));
    fputs(" | ", stdout);
    print_cell(s->default_text != NULL ? s->default_text : "none");
    printf(" | %s | %s | ", setting_when_text(s->when), s->used_by);
    print_cell(s->help);
    fputs(" |\n", stdout);
}

static bool begins_table(const struct setting *before, const struct setting *s)
{
    return before == NULL || strcmp(before->file, s->file) != 0 || strcmp(before->key, s->key) != 0;
}

static void print_markdown(void)
{
    fputs("# Settings\n\n"
          "Made by `d2k-registry settings --markdown` from the table in the program; do not edit.\n"
          "Files, places and syntax: [format.md](format.md).\n",
          stdout);
    const struct setting *before = NULL;
    for (const struct setting *s = settings_table(); s->name != NULL; s++) {
        if (begins_table(before, s)) {
            print_heading(s);
        }
        print_row(s);
        before = s;
    }
}

static void print_plain(void)
{
    const struct setting *before = NULL;
    for (const struct setting *s = settings_table(); s->name != NULL; s++) {
        char type[TYPE_TEXT_MAX];
        if (begins_table(before, s)) {
            bool in_section = s->key[0] != '\0';
            printf("%s%s%s%s%s\n", before != NULL ? "\n" : "", s->file, in_section ? " [" : "",
                   s->key, in_section ? "]" : "");
        }
        printf("  %s = %s\n", s->name, setting_type_text(s, type, sizeof type));
        printf("      default: %s; acts %s; used by: %s\n",
               s->default_text != NULL ? s->default_text : "none", setting_when_text(s->when),
               s->used_by);
        printf("      %s\n", s->help);
        before = s;
    }
}

int show_settings(const struct options *options)
{
    if (options->markdown) {
        print_markdown();
    } else {
        print_plain();
    }
    return OUTPUT_EXIT_OK;
}
