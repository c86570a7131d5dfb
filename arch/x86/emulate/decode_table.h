/* SPDX-License-Identifier: GPL-2.0 */
/* What an opcode byte says about the bytes that follow it. */
#ifndef LODGE_X86_DECODE_TABLE_H
#define LODGE_X86_DECODE_TABLE_H

#include <linux/types.h>

/* Immediate: the low four bits. */
#define LODGE_X86_OP_IMM	0x000f
#define LODGE_X86_OP_IB		0x0001	/* 1 byte */
#define LODGE_X86_OP_IW		0x0002	/* 2 bytes */
#define LODGE_X86_OP_IZ		0x0003	/* 2 or 4 bytes by operand size */
#define LODGE_X86_OP_IV		0x0004	/* 2, 4 or 8 bytes by operand size */
#define LODGE_X86_OP_FAR	0x0005	/* offset by operand size, then a selector */
#define LODGE_X86_OP_MOFFS	0x0006	/* an address by address size */
#define LODGE_X86_OP_ENTER	0x0007	/* 2 bytes, then 1 */
#define LODGE_X86_OP_TEST	0x0008	/* group 3: only /0 and /1 have one */
#define LODGE_X86_OP_EXTRQ	0x0009	/* 1 + 1 bytes under 66 and F2 */

#define LODGE_X86_OP_KNOWN	0x0010
#define LODGE_X86_OP_MODRM	0x0020
#define LODGE_X86_OP_BYTE	0x0040	/* operands are bytes */
#define LODGE_X86_OP_D64	0x0080	/* long mode: operand size 8, or 2 under 66 */
#define LODGE_X86_OP_NO64	0x0100	/* #UD in long mode */
#define LODGE_X86_OP_LOCK	0x0200	/* LOCK allowed with a memory destination */
#define LODGE_X86_OP_MEM	0x0400	/* #UD with a register operand */
#define LODGE_X86_OP_VEX	0x0800	/* has a VEX form */
#define LODGE_X86_OP_VEXONLY	0x1000	/* has only a VEX form */
#define LODGE_X86_OP_CRDR	0x2000	/* ModRM.mod is ignored, full registers */
#define LODGE_X86_OP_UD		0x4000	/* #UD by definition */

extern const u16 lodge_x86_decode_table[4][256];

#endif /* LODGE_X86_DECODE_TABLE_H */
