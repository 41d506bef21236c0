/* base/version.h: version of d2k in the shape of D2000's ("V22.00.074 s380"). */
#ifndef D2K_BASE_VERSION_H
#define D2K_BASE_VERSION_H

#define D2K_VERSION_TEXT "V1.00.000 s1"

#endif
