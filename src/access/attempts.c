/* access/attempts.c: a bounded table of failures. It is searched from end to end: beside Argon2
 * that is nothing. */
#include "access/attempts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define KEY_MAX 160u

struct attempt {
    char key[KEY_MAX]; /* "user address", or " address"; "": free */
    unsigned failures;
    uint64_t last_ms;
};

struct attempts {
    struct attempt entries[ATTEMPTS_ENTRIES_MAX];
};

struct attempts *attempts_new(void)
{
    return calloc(1, sizeof(struct attempts));
}

void attempts_free(struct attempts *attempts)
{
    free(attempts);
}

static void user_key(char ret[KEY_MAX], const char *user, const char *address)
{
    (void)snprintf(ret, KEY_MAX, "%.64s %.90s", user, address);
}

static struct attempt *find(const struct attempts *attempts, const char *key)
{
    for (size_t i = 0; i < ATTEMPTS_ENTRIES_MAX; i++) {
        if (text_equal_ignoring_case(attempts->entries[i].key, key)) {
            return (struct attempt *)&attempts->entries[i];
        }
    }
    return NULL;
}

static uint32_t delay_of(unsigned failures, unsigned without_wait)
{
    if (failures <= without_wait) {
        return 0;
    }
    uint64_t delay = ATTEMPTS_WAIT_MIN_MS;
    for (unsigned i = without_wait + 1; i < failures && delay < ATTEMPTS_WAIT_MAX_MS; i++) {
        delay *= 2;
    }
    return delay > ATTEMPTS_WAIT_MAX_MS ? ATTEMPTS_WAIT_MAX_MS : (uint32_t)delay;
}

static uint32_t wait_of(const struct attempts *attempts, const char *key, unsigned without_wait,
                        uint64_t now_ms)
{
    const struct attempt *entry = find(attempts, key);
    if (entry == NULL) {
        return 0;
    }
    uint64_t until_ms = entry->last_ms + delay_of(entry->failures, without_wait);
    return until_ms > now_ms ? (uint32_t)(until_ms - now_ms) : 0;
}

uint32_t attempts_wait_ms(const struct attempts *attempts, const char *user, const char *address,
                          uint64_t now_ms)
{
    char key[KEY_MAX];
    user_key(key, user, address);
    uint32_t of_user = wait_of(attempts, key, ATTEMPTS_FREE_USER, now_ms);
    user_key(key, "", address);
    uint32_t of_place = wait_of(attempts, key, ATTEMPTS_FREE_PLACE, now_ms);
    return of_user > of_place ? of_user : of_place;
}

/* A free entry, or the one that failed longest ago. */
static struct attempt *obtain(struct attempts *attempts, const char *key)
{
    struct attempt *oldest = &attempts->entries[0];
    for (size_t i = 0; i < ATTEMPTS_ENTRIES_MAX && oldest->key[0] != '\0'; i++) {
        struct attempt *entry = &attempts->entries[i];
        if (entry->key[0] == '\0' || entry->last_ms < oldest->last_ms) {
            oldest = entry;
        }
    }
    *oldest = (struct attempt){0};
    (void)text_copy(oldest->key, sizeof oldest->key, key);
    return oldest;
}

static void count(struct attempts *attempts, const char *key, uint64_t now_ms)
{
    struct attempt *entry = find(attempts, key);
    if (entry == NULL) {
        entry = obtain(attempts, key);
    } else if (now_ms - entry->last_ms > ATTEMPTS_FORGET_MS) {
        entry->failures = 0;
    }
    entry->failures++;
    entry->last_ms = now_ms;
}

void attempts_failed(struct attempts *attempts, const char *user, const char *address,
                     uint64_t now_ms)
{
    char key[KEY_MAX];
    user_key(key, user, address);
    count(attempts, key, now_ms);
    user_key(key, "", address);
    count(attempts, key, now_ms);
}

/* Of the address nothing is forgotten: one good password does not pay for a hundred guesses at
 * others. */
void attempts_succeeded(struct attempts *attempts, const char *user, const char *address)
{
    char key[KEY_MAX];
    user_key(key, user, address);
    struct attempt *entry = find(attempts, key);
    if (entry != NULL) {
        *entry = (struct attempt){0};
    }
}
