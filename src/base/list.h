/* base/list.h: doubly linked list through links that stand in the members themselves.
 *
 * A link that is in no list points to itself (list_init), so removing twice is harmless. */
#ifndef D2K_BASE_LIST_H
#define D2K_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_append(struct list *head, struct list *member)
{
    member->prev = head->prev;
    member->next = head;
    head->prev->next = member;
    head->prev = member;
}

static inline void list_remove(struct list *member)
{
    member->prev->next = member->next;
    member->next->prev = member->prev;
    list_init(member);
}

#define LIST_MEMBER(link, type, field) ((type *)(void *)((char *)(link)-offsetof(type, field)))

/* All of one list behind those of another one. */
static inline void list_append_all(struct list *head, struct list *from)
{
    if (!list_empty(from)) {
        from->next->prev = head->prev;
        head->prev->next = from->next;
        from->prev->next = head;
        head->prev = from->prev;
        list_init(from);
    }
}

/* The member at the front, or NULL. */
#define LIST_FIRST(head, type, field) \
    (list_empty(head) ? NULL : LIST_MEMBER((head)->next, type, field))

/* The body may remove the current member. */
#define LIST_EACH(head, at, following)                                        \
    for (struct list *at = (head)->next, *following = at->next; at != (head); \
         at = following, following = at->next)

#endif
