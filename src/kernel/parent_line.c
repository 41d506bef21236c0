/* The line between the parent process of the kernel and its child. */
#include "kernel/parent_line.h"

#include <errno.h>

#include "base/text.h"
#include "os/process.h"

/* ---- the child's side ---- */

static bool say(int line, const struct parent_message *message)
{
    return line >= 0 && os_message_send(line, message, sizeof *message) == 0;
}

static void say_of_process(int line, struct parent_message message, const char *process)
{
    text_copy(message.process, sizeof message.process, process);
    (void)say(line, &message);
}

void parent_line_ready(int line, uint16_t port)
{
    (void)say(line, &(struct parent_message){.word = PARENT_READY, .port = port});
}

void parent_line_registered(int line, const char *process)
{
    say_of_process(line, (struct parent_message){.word = PARENT_REGISTERED}, process);
}

void parent_line_left(int line, const char *process, enum parent_left how)
{
    say_of_process(line, (struct parent_message){.word = PARENT_LEFT, .how = how}, process);
}

bool parent_line_end(int line)
{
    return say(line, &(struct parent_message){.word = PARENT_END});
}

bool parent_line_order(int line, uint32_t number, enum supervision_wish wish, uint32_t index)
{
    return say(line, &(struct parent_message){
                         .word = PARENT_ORDER, .number = number, .wish = wish, .index = index});
}

/* One that is not of the right size is not of this program, and left out. */
static bool take(int line, void *ret_message, size_t size, bool *ret_over)
{
    int error = EMSGSIZE;
    while (error == EMSGSIZE || error == EINTR) {
        error = os_message_receive(line, ret_message, size);
    }
    *ret_over = error != 0 && error != EAGAIN;
    return error == 0;
}

bool parent_line_take_news(int line, struct parent_news *ret_news, bool *ret_over)
{
    return take(line, ret_news, sizeof *ret_news, ret_over);
}

/* ---- the parent's side ---- */

bool parent_line_take(int line, struct parent_message *ret_message, bool *ret_over)
{
    if (!take(line, ret_message, sizeof *ret_message, ret_over)) {
        return false;
    }
    ret_message->process[STATIC_PROCESS_NAME_MAX] = '\0';
    return true;
}

bool parent_line_tell(int line, const struct parent_news *news)
{
    return line >= 0 && os_message_send(line, news, sizeof *news) == 0;
}
