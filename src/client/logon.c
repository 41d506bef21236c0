/* client/logon.c: the user at this client: logged on before the program is told that it is
 * connected, where the configuration names one; or by the program, later. */
#include <string.h>

#include "base/text.h"
#include "client/client.h"

static void send_log_on(d2k_client *client, uint64_t request, const char *user,
                        const char *password)
{
    struct wire_message message = {.type = WIRE_LOG_ON, .request = request};
    message.as.log_on.user = slice_of(user);
    message.as.log_on.password = slice_of(password);
    link_send(client, &message);
}

bool logon_is_wanted(const d2k_client *client)
{
    return client->config->user[0] != '\0' && client->config->password[0] != '\0';
}

void logon_begin(d2k_client *client)
{
    client->link.logon_request = requests_new_number(&client->requests);
    send_log_on(client, client->link.logon_request, client->config->user, client->config->password);
}

void logon_failed(d2k_client *client, const struct wire_failed *failed)
{
    char sentence[WIRE_SENTENCE_MAX + 128];
    (void)text_escape(sentence, sizeof(sentence), failed->sentence);
    client_fail(client, D2K_NOT_ALLOWED, "user %s cannot log on: %s", client->config->user,
                sentence);
}

d2k_result d2k_log_on(d2k_client *client, const char *user, const char *password,
                      uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_LOG_ON};
    size_t user_size = user == NULL ? 0 : strlen(user);
    size_t size = password == NULL ? 0 : strlen(password);
    if (user_size < 1 || user_size > WIRE_NAME_MAX || size < 1 || size > WIRE_PASSWORD_MAX) {
        return client_refuse(client, D2K_ARGUMENT, "a user has 1..%u bytes, a password 1..%u bytes",
                             WIRE_NAME_MAX, WIRE_PASSWORD_MAX);
    }
    message.as.log_on.user = slice_of(user);
    message.as.log_on.password = slice_of(password);
    return client_ask(client, REQUEST_LOG_ON, &message, ret_request);
}

d2k_result d2k_log_off_user(d2k_client *client, uint64_t *ret_request)
{
    struct wire_message message = {.type = WIRE_LOG_OFF};
    return client_ask(client, REQUEST_LOG_OFF, &message, ret_request);
}
