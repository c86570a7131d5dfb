/* SPDX-License-Identifier: GPL-2.0 */
/* The instructions that are compared, and what the manual leaves undefined of each. */
#ifndef EMULATE_CASES_H
#define EMULATE_CASES_H

#include <linux/types.h>

/* How an instruction is put together. */
#define F_MODRM		0x00001
#define F_BYTE		0x00002	/* byte operand: no size prefixes */
#define F_SIZES		0x00004	/* 16, 32 and 64 bits by 66 and REX.W */
#define F_WIDE		0x00008	/* 32 and 64 bits by W */
#define F_IMM8		0x00010
#define F_IMMZ		0x00020
#define F_LOCK		0x00040
#define F_MEM		0x00080	/* memory operand only */
#define F_VEX		0x00100
#define F_VEXL		0x00200	/* both lengths */
#define F_VVVV		0x00400	/* VEX.vvvv is a register */
#define F_STRING	0x00800
#define F_OPREG		0x01000	/* low three opcode bits are a register */
#define F_STACK		0x02000	/* uses RSP, which must point into memory */
#define F_STACK16	0x04000	/* 16 or 64 bits by 66 */
#define F_MOFFS		0x08000
#define F_VECTOR	0x10000	/* ModRM.reg is a vector register */
#define F_MEMVVVV	0x20000	/* vvvv is used in the register form only */
#define F_REG		0x40000	/* register operand only */

enum special {
	S_NONE,
	S_BITS,		/* bit string: the register operand reaches beyond the memory operand */
	S_CMPXCHG,
	S_CMPXCHG_PAIR,
	S_DIV,
	S_SHIFT_1,
	S_SHIFT_IMM,
	S_SHIFT_CL,
	S_SHLD_IMM,
	S_SHLD_CL,
	S_BRANCH,	/* operand is where to go */
	S_CALL,
	S_RET,
	S_LEAVE,
	S_POPF,
	S_XLAT,
	S_SCAN,		/* destination undefined for a zero source on some processors */
	S_FEATURE,
};

struct emulate_case {
	const char *name;
	u8 map;
	u8 opcode;
	s8 group;	/* ModRM.reg, or -1 for any register */
	u8 prefix;	/* mandatory */
	u32 form;
	u8 special;
	u32 undefined;	/* flags, where they do not depend on operands */
};

extern const struct emulate_case emulate_cases[];
extern const unsigned int emulate_nr_cases;

/* Flags the manual leaves undefined for these operands. */
u64 emulate_undefined_flags(const struct emulate_case *c, unsigned int bytes, unsigned int count,
			    unsigned int member);

#endif
