/* base/prefetch.h: memory that will be needed soon is asked for now, so that several waits for it
 * overlap. Only a hint: any address is allowed, also NULL. */
#ifndef D2K_BASE_PREFETCH_H
#define D2K_BASE_PREFETCH_H

static inline void prefetch(const void *at)
{
    __builtin_prefetch(at);
}

#endif
