/* client/lines.c: every log line of the component CLIENT, in one place.
 *
 * The first two are those of D2000, to the letter. Failures say who, why, and what happens next.
 * docs/log.md, section "Client", explains each. Whatever came from the network is escaped before
 * it gets here. */
#include <stdio.h>

#include "base/text.h"
#include "client/client.h"

#define COMPONENT "CLIENT"

static bool is_ipv6(const char *host)
{
    for (; *host != '\0'; host++) {
        if (*host == ':') {
            return true;
        }
    }
    return false;
}

const char *lines_server(const d2k_client *client, char ret[LINES_PLACE_MAX])
{
    const struct config_server *server = connect_server(client);
    unsigned port = config_server_port(client->config, server);
    if (client->local_path != NULL) {
        (void)snprintf(ret, LINES_PLACE_MAX, "local socket of %s", client->application);
    } else if (is_ipv6(server->host)) {
        (void)snprintf(ret, LINES_PLACE_MAX, "[%s]:%u", server->host, port);
    } else {
        (void)snprintf(ret, LINES_PLACE_MAX, "%s:%u", server->host, port);
    }
    return ret;
}

const char *lines_place(const d2k_client *client, char ret[LINES_PLACE_MAX])
{
    char server[LINES_PLACE_MAX];
    if (client->local_path != NULL) {
        (void)snprintf(ret, LINES_PLACE_MAX, "LOCAL %s", client->application);
    } else {
        (void)snprintf(ret, LINES_PLACE_MAX, "TCP/IP %.380s", lines_server(client, server));
    }
    return ret;
}

void lines_connecting(const d2k_client *client)
{
    const char *way = client->local_path != NULL ? "LOCAL"
                      : client->connector.plain  ? "TCP/IP"
                                                 : "TCP/IP|TLS";
    const char *host = client->local_path != NULL ? "localhost" : connect_server(client)->host;
    log_write(&client->config->log, LOG_INFO, COMPONENT, "Connecting to D2000 Server [%s] %s...",
              host, way);
}

/* "Kernel V1.00.000 s1 [TCP/IP localhost:3119][TLSv1.3 VERIFIED]". */
static const char *kernel_text(const d2k_client *client, char *ret, size_t size)
{
    char place[LINES_PLACE_MAX];
    const struct session *session = client->link.session;
    bool tls = session != NULL && session_is_tls(session);
    (void)snprintf(ret, size, "Kernel %s [%s]%s%s%s%s", client->link.kernel_version,
                   lines_place(client, place), tls ? "[" : "",
                   tls ? session_tls_version(session) : "",
                   tls && session_verified(session) ? " VERIFIED" : "", tls ? "]" : "");
    return ret;
}

#define KERNEL_TEXT_MAX (LINES_PLACE_MAX + 4 * WIRE_NAME_MAX + 64)

void lines_established(const d2k_client *client)
{
    char kernel[KERNEL_TEXT_MAX];
    char tail[64];
    (void)snprintf(tail, sizeof(tail), "ConnectionSqlId = %llu",
                   (unsigned long long)client->link.connection_sql_id);
    log_write_with_tail(&client->config->log, LOG_INFO, COMPONENT, tail,
                        "Connection established to D2000 %s.",
                        kernel_text(client, kernel, sizeof(kernel)));
}

static bool somebody_said_no(d2k_result result)
{
    return result >= D2K_REFUSED && result < D2K_NOT_FOUND;
}

void lines_attempt_failed(const d2k_client *client, const struct error *why, const char *next,
                          bool final)
{
    char place[LINES_PLACE_MAX];
    /* As long as another kernel may be hot, one that is not is nothing to worry about. */
    enum log_level level = final ? LOG_ERROR : client->connector.standby ? LOG_INFO : LOG_WARNING;
    log_write(&client->config->log, level, COMPONENT, "Connection to D2000 Server [%s] %s: %s; %s.",
              lines_place(client, place), somebody_said_no(why->code) ? "refused" : "failed",
              why->text, next);
}

void lines_lost(const d2k_client *client, const struct error *why, const char *next, bool final)
{
    char kernel[KERNEL_TEXT_MAX];
    log_write(&client->config->log, final ? LOG_ERROR : LOG_WARNING, COMPONENT,
              "Connection to D2000 %s lost: %s; %s.", kernel_text(client, kernel, sizeof(kernel)),
              why->text, next);
}

void lines_logged_off(const d2k_client *client)
{
    char kernel[KERNEL_TEXT_MAX];
    log_write(&client->config->log, LOG_INFO, COMPONENT, "Logged off from D2000 %s.",
              kernel_text(client, kernel, sizeof(kernel)));
}

void lines_without_tls(const d2k_client *client)
{
    char place[LINES_PLACE_MAX];
    log_write(&client->config->log, LOG_WARNING, COMPONENT,
              "D2000 Server [%s]: the kernel has no TLS; TLS_RequiredLevel is None: connecting "
              "without TLS.",
              lines_place(client, place));
}

void lines_kernel_name(const d2k_client *client, const char *expected, const char *name)
{
    char place[LINES_PLACE_MAX];
    log_write(&client->config->log, LOG_WARNING, COMPONENT,
              "D2000 Server [%s] is the kernel %s, but the table of the redundancy group %s calls "
              "it %s; the connection goes on.",
              lines_place(client, place), name, client->config->group, expected);
}

void lines_no_application(const d2k_client *client)
{
    log_write(&client->config->log, LOG_WARNING, COMPONENT,
              "No application name is known (@<application> or DefaultApplication): no TLS "
              "parameters are used, TLS_RequiredLevel is None.");
}

void lines_password_on_command_line(const d2k_client *client)
{
    log_write(&client->config->log, LOG_WARNING, COMPONENT,
              "The password of user %s stands on the command line (/AP), where everybody on this "
              "machine can read it; use --password-file.",
              client->config->user);
}

void lines_certificate_warning(const d2k_client *client, const char *warning)
{
    char place[LINES_PLACE_MAX];
    log_write(&client->config->log, LOG_WARNING, COMPONENT,
              "Certificate of D2000 Server [%s]: %s; the connection goes on.",
              lines_place(client, place), warning);
}

void lines_definition_refused(const d2k_client *client, const char *name, const char *sentence)
{
    log_write(&client->config->log, LOG_WARNING, COMPONENT,
              "Definition of object %s refused by the kernel: %s; its values are not sent.", name,
              sentence);
}
