/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's basic types for user-space builds. */
#ifndef SHIM_LINUX_TYPES_H
#define SHIM_LINUX_TYPES_H

#include <asm-generic/int-ll64.h>	/* __u32 and the like, for the system's headers */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef long long s64;
typedef u16 __be16;
typedef u32 __be32;
typedef u64 __be64;
typedef u64 __le64;

#endif
