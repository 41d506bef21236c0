/* d2k/d2k.h: everything of libd2k. */
#ifndef D2K_D2K_H
#define D2K_D2K_H

#include <d2k/client.h>
#include <d2k/result.h>
#include <d2k/table.h>
#include <d2k/value.h>

#endif
