/* programs/tell/options.h: the arguments of d2k-tell: one command, its words, its options, in any
 * order. */
#ifndef D2K_TELL_OPTIONS_H
#define D2K_TELL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "programs/tell/definition.h"
#include "programs/tell/filter.h"

#define TELL_WORDS_MAX    64 /* names and patterns of one command */
#define TELL_INSTANCE_MAX 15
#define TELL_COUNT_MAX    1000000000
#define TELL_SECONDS_MAX  2000000 /* in ms it fits into an int */

enum tell_command {
    TELL_NONE,
    TELL_LIST,
    TELL_GET,
    TELL_SNAPSHOT,
    TELL_WATCH,
    TELL_HISTORY,
    TELL_PROCESSES,
    TELL_CONNECTIONS,
    TELL_VERSION,
    TELL_SHUTDOWN,
    TELL_LOG_LEVEL,
    TELL_SET,
    TELL_ACK,
    TELL_DEFINE,
    TELL_DELETE,
    TELL_IMPORT,
    TELL_EXPORT,
    TELL_START,
    TELL_STOP,
    TELL_RESTART,
    TELL_SET_ACTIVE,
    TELL_SET_PREFERRED,
    TELL_COMMANDS,
};

struct tell_options {
    enum tell_command command;
    const char *words[TELL_WORDS_MAX]; /* borrowed from the arguments */
    size_t word_count;
    bool json, csv, every, local, interactive;
    bool no_wait;                       /* --no-wait: set ends when it is sent */
    bool names;                         /* --names: list writes nothing else */
    const char *state;                  /* --state=: "Running"...; NULL: not given; borrowed */
    struct definition_texts definition; /* of define: its options; borrowed */
    struct filter_texts filter;         /* of list: its options; borrowed */
    uint64_t count;                     /* --count=, 0: not given */
    unsigned interval_ms;               /* --interval=, 0: not given */
    bool has_dead_band;                 /* --dead-band= */
    double dead_band;
    unsigned seconds; /* --for=, 0: not given */
};

/* Takes one argument (shape of program_info.argument; context is a struct tell_options). D2K_OK;
 * D2K_NOT_FOUND: unknown option; D2K_ARGUMENT: unknown command, wrong value, too many words. */
d2k_result tell_options_take(void *context, const char *argument, bool is_word, struct error *err);

/* Which objects `list` is to tell; texts stay those of the arguments. D2K_ARGUMENT: an option says
 * no word that it may say. */
d2k_result tell_options_filter(const struct tell_options *options, d2k_filter *ret_filter,
                               struct error *err) D2K_MUST_CHECK;

/* After the last argument: whether command, words and options fit together. D2K_ARGUMENT. */
d2k_result tell_options_check(const struct tell_options *options, struct error *err) D2K_MUST_CHECK;

/* Whether there is a command, or an option that needs one. */
bool tell_options_name_command(const struct tell_options *options);

/* Name of a command ("list") and how it is used ("list [PATTERN...]"). Static. */
const char *tell_command_name(enum tell_command command);
const char *tell_command_synopsis(enum tell_command command);
/* Whether it is administration, which goes over the local socket unless a server is named. */
bool tell_command_administers(enum tell_command command);
/* Whether its words are names of objects. */
bool tell_command_takes_objects(enum tell_command command);

#endif
