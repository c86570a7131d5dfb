/* SPDX-License-Identifier: GPL-2.0 */
/* Run one instruction on this processor with all its registers given. */
#ifndef EMULATE_NATIVE_H
#define EMULATE_NATIVE_H

#include <linux/types.h>

/* Low addresses, so that absolute, 32-bit and RIP-relative operands reach them. */
#define NATIVE_CODE	0x20000000ull
#define NATIVE_ENTRY	(NATIVE_CODE + 64)
#define NATIVE_DATA	0x30000000ull
#define NATIVE_ARENA	512			/* bytes; unmapped 2048 below and above it */
#define NATIVE_ARENA_AT	(NATIVE_DATA + 2048)

struct native_state {
	u64 gpr[16];
	u64 rflags;
	u64 unused[3];
	u8 vector[16][32];
} __attribute__((aligned(32)));

/* Maps code and data; returns false if it cannot. */
bool native_init(void);
/* Where an instruction that branches must go to. */
u64 native_exit_address(void);
/*
 * Runs @length bytes at NATIVE_ENTRY on the arena. -1: done, @state holds the
 * registers after it; else the exception's vector.
 */
int native_run(struct native_state *state, const u8 *bytes, unsigned int length);

extern u8 *const native_arena;
extern u32 native_has_avx;

#endif
