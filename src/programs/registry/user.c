/* programs/registry/user.c: user list, add, passwd and remove, in the file that Users_File of the
 * application names. Passwords come from the terminal, without echo, or from a file. */
#include "programs/registry/user.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/users.h"
#include "base/text.h"
#include "os/file.h"
#include "os/terminal.h"
#include "programs/registry/output.h"
#include "registry/secret_file.h"
#include "registry/settings.h"

#define PROMPT_MAX 128

struct user_command {
    const struct options *options;
    char *config; /* cfg_<application>.conf */
    struct application_settings settings;
    const char *file; /* of the users */
};

/* ---- passwords ---- */

static d2k_result ask(const char *prompt, char *ret, size_t size, struct error *err)
{
    int error = os_read_secret(prompt, ret, size);
    if (error == ENXIO || error == ENOTTY) {
        return error_set(err, D2K_ARGUMENT,
                         "there is no terminal to ask for the password: give --password-file");
    }
    return error == 0 ? D2K_OK
                      : error_set(err, D2K_ARGUMENT, "no password was given: %s",
                                  error == EINTR ? "given up" : os_error_text(error));
}

static d2k_result ask_twice(const char *user, char *ret, size_t size, struct error *err)
{
    char prompt[PROMPT_MAX], again[USERS_PASSWORD_MAX + 2];
    (void)snprintf(prompt, sizeof prompt, "New password of %.64s: ", user);
    d2k_result result = ask(prompt, ret, size, err);
    if (result == D2K_OK) {
        result = ask("Once more: ", again, sizeof again, err);
    }
    if (result == D2K_OK && strcmp(ret, again) != 0) {
        result = error_set(err, D2K_ARGUMENT, "the two passwords differ; nothing is changed");
    }
    explicit_bzero(again, sizeof again);
    return result;
}

static d2k_result new_hash(const struct user_command *command, char ret_hash[USERS_HASH_MAX],
                           struct error *err)
{
    char password[USERS_PASSWORD_MAX + 2];
    const char *file = command->options->password_file;
    d2k_result result = file != NULL
                            ? secret_file_read(file, password, sizeof password, err)
                            : ask_twice(command->options->words[1], password, sizeof password, err);
    if (result == D2K_OK) {
        result = users_hash(slice_of(password), ret_hash, err);
    }
    explicit_bzero(password, sizeof password);
    return result;
}

/* ---- commands ---- */

static d2k_result list(const struct user_command *command, struct error *err)
{
    struct users *users;
    d2k_result result = users_read(command->file, &users, err);
    if (result != D2K_OK) {
        return result;
    }
    for (size_t i = 0; i < users_count(users); i++) {
        (void)printf("%s\n", users_name(users, i));
    }
    users_free(users);
    return D2K_OK;
}

static d2k_result store(const struct user_command *command, bool is_new, struct error *err)
{
    char hash[USERS_HASH_MAX];
    const char *name = command->options->words[1];
    if (!users_is_name(slice_of(name))) { /* before a password is asked for */
        return users_remove(command->file, name, err);
    }
    d2k_result result = new_hash(command, hash, err);
    if (result == D2K_OK) {
        result = users_store(command->file, command->config, name, hash, is_new, err);
    }
    if (result == D2K_OK) {
        (void)printf("%s: user %s %s\n", command->file, name,
                     is_new ? "may log on now" : "has a new password");
    }
    return result;
}

static d2k_result add(const struct user_command *command, struct error *err)
{
    return store(command, true, err);
}

static d2k_result change_password(const struct user_command *command, struct error *err)
{
    return store(command, false, err);
}

static d2k_result remove_user(const struct user_command *command, struct error *err)
{
    const char *name = command->options->words[1];
    d2k_result result = users_remove(command->file, name, err);
    if (result == D2K_OK) {
        (void)printf("%s: user %s is removed; links on which he is logged on stay\n", command->file,
                     name);
    }
    return result;
}

static const struct {
    const char *name;
    size_t words; /* its own included */
    d2k_result (*run)(const struct user_command *command, struct error *err);
} commands[] = {
    {"list", 1, list}, {"add", 2, add}, {"passwd", 2, change_password}, {"remove", 2, remove_user}};

static d2k_result run_command(const struct user_command *command, struct error *err)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, command->options->words[0]) == 0 &&
            commands[i].words == command->options->word_count) {
            return commands[i].run(command, err);
        }
    }
    return error_set(err, D2K_ARGUMENT,
                     "user needs one of: list, add NAME, passwd NAME, remove NAME");
}

/* ---- which file ---- */

static d2k_result find_application(const struct options *options,
                                   const struct registry_location *location, char **ret_name,
                                   struct error *err)
{
    struct installation_settings installation;
    if (options->application != NULL) {
        *ret_name = text_format("%s", options->application);
        return *ret_name == NULL ? error_no_memory(err) : D2K_OK;
    }
    d2k_result result = settings_read_installation(location, NULL, &installation, err);
    if (result == D2K_OK && installation.default_application == NULL) {
        result = error_set(err, D2K_ARGUMENT,
                           "which application? Give @<application>, or set DefaultApplication");
    }
    if (result == D2K_OK) {
        *ret_name = installation.default_application;
        installation.default_application = NULL;
        settings_free_installation(&installation);
    }
    return result;
}

static d2k_result find_file(struct user_command *command, const struct registry_location *location,
                            struct error *err)
{
    char *application = NULL;
    d2k_result result = find_application(command->options, location, &application, err);
    if (result == D2K_OK) {
        result = settings_read_application(location, application, NULL, &command->settings, err);
    }
    if (result == D2K_OK) {
        command->config = registry_application_file(location, application);
        result = command->config == NULL ? error_no_memory(err) : D2K_OK;
    }
    command->file = command->settings.users.file;
    free(application);
    return result;
}

int user_run(const struct options *options, const struct registry_location *location)
{
    struct user_command command = {.options = options};
    struct error err;
    d2k_result result = find_file(&command, location, &err);
    if (result == D2K_OK) {
        result = run_command(&command, &err);
    }
    settings_free_application(&command.settings);
    free(command.config);
    if (result == D2K_NOT_FOUND) {
        output_complain(err.text);
        return OUTPUT_EXIT_NOT_FOUND;
    }
    return result == D2K_OK ? OUTPUT_EXIT_OK : output_fail(&err);
}
