/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the emulator's topics; nothing outside this folder includes it. */
#ifndef LODGE_X86_EMULATE_INTERNAL_H
#define LODGE_X86_EMULATE_INTERNAL_H

#include <linux/types.h>

#include "decode_table.h"
#include "emulate.h"

/* What a handler may return beside enum lodge_emu_result. */
#define LODGE_EMU_AGAIN		0x100	/* iterations were done, more are to come */
#define LODGE_EMU_RETRY		0x101	/* a locked update lost a race: nothing done */

#define LODGE_X86_CF		(1ull << 0)
#define LODGE_X86_PF		(1ull << 2)
#define LODGE_X86_AF		(1ull << 4)
#define LODGE_X86_ZF		(1ull << 6)
#define LODGE_X86_SF		(1ull << 7)
#define LODGE_X86_TF		(1ull << 8)
#define LODGE_X86_IF		(1ull << 9)
#define LODGE_X86_DF		(1ull << 10)
#define LODGE_X86_OF		(1ull << 11)
#define LODGE_X86_IOPL		(3ull << 12)
#define LODGE_X86_RF		(1ull << 16)
#define LODGE_X86_VM		(1ull << 17)
#define LODGE_X86_AC		(1ull << 18)

#define LODGE_X86_SZP		(LODGE_X86_SF | LODGE_X86_ZF | LODGE_X86_PF)
#define LODGE_X86_ARITH		(LODGE_X86_SZP | LODGE_X86_CF | LODGE_X86_OF | LODGE_X86_AF)

#define LODGE_X86_VECTOR_DE	0
#define LODGE_X86_VECTOR_UD	6
#define LODGE_X86_VECTOR_NM	7
#define LODGE_X86_VECTOR_SS	12
#define LODGE_X86_VECTOR_GP	13
#define LODGE_X86_VECTOR_AC	17

/* The basic operations, by the number that the opcodes and group 1 give them. */
enum lodge_x86_alu_op {
	LODGE_X86_ADD,
	LODGE_X86_OR,
	LODGE_X86_ADC,
	LODGE_X86_SBB,
	LODGE_X86_AND,
	LODGE_X86_SUB,
	LODGE_X86_XOR,
	LODGE_X86_CMP,
};

/*
 * A handler runs with RIP already on the next instruction. It may change
 * registers before it knows that it succeeds: they are put back if it does not.
 */
struct lodge_x86_handler {
	u8 map;
	u8 first;
	u8 last;
	u8 members;		/* of a group: a bit for each ModRM.reg; 0: all */
	bool vex;
	int (*run)(struct lodge_x86_emulator *e);
};

/* One table per topic; each ends with an entry whose run is NULL. */
extern const struct lodge_x86_handler lodge_x86_alu_handlers[];
extern const struct lodge_x86_handler lodge_x86_bits_handlers[];
extern const struct lodge_x86_handler lodge_x86_bmi_handlers[];
extern const struct lodge_x86_handler lodge_x86_move_handlers[];
extern const struct lodge_x86_handler lodge_x86_muldiv_handlers[];
extern const struct lodge_x86_handler lodge_x86_port_handlers[];
extern const struct lodge_x86_handler lodge_x86_shift_handlers[];
extern const struct lodge_x86_handler lodge_x86_sse_handlers[];
extern const struct lodge_x86_handler lodge_x86_stack_handlers[];
extern const struct lodge_x86_handler lodge_x86_string_handlers[];

static inline u64 lodge_x86_mask(unsigned int bytes)
{
	return bytes >= 8 ? ~0ull : (1ull << (8 * bytes)) - 1;
}

static inline u64 lodge_x86_sign_extend(u64 value, unsigned int bytes)
{
	unsigned int shift = 64 - 8 * bytes;

	return (u64)((s64)(value << shift) >> shift);
}

static inline unsigned int lodge_x86_group(const struct lodge_x86_emulator *e)
{
	return (e->insn.modrm >> 3) & 7;
}

static inline bool lodge_x86_is_memory(const struct lodge_x86_emulator *e)
{
	return e->insn.mod != 3;
}

static inline void lodge_x86_set_flags(struct lodge_x86_emulator *e, u64 mask, u64 flags)
{
	e->rflags = (e->rflags & ~mask) | (flags & mask);
}

static inline u64 lodge_x86_flag_if(bool condition, u64 flag)
{
	return condition ? flag : 0;
}

/* operand.c */
int lodge_x86_operand_raise(struct lodge_x86_emulator *e, u8 vector);
unsigned int lodge_x86_operand_bytes(const struct lodge_x86_emulator *e);
u64 lodge_x86_operand_reg(const struct lodge_x86_emulator *e, unsigned int n, unsigned int bytes);
void lodge_x86_operand_set_reg(struct lodge_x86_emulator *e, unsigned int n, unsigned int bytes,
			       u64 value);
u64 lodge_x86_operand_address(const struct lodge_x86_emulator *e);
int lodge_x86_operand_linear(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			     unsigned int bytes, unsigned int access, u64 *linear);
int lodge_x86_operand_aligned(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			      unsigned int bytes, unsigned int access, u64 *linear);
int lodge_x86_operand_load(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			   void *data, unsigned int bytes, unsigned int access);
int lodge_x86_operand_store(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			    const void *data, unsigned int bytes);
int lodge_x86_operand_check(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			    unsigned int bytes, unsigned int access);
int lodge_x86_operand_read(struct lodge_x86_emulator *e, unsigned int bytes, u64 *value);
int lodge_x86_operand_read_modify(struct lodge_x86_emulator *e, unsigned int bytes, u64 *value);
int lodge_x86_operand_update(struct lodge_x86_emulator *e, unsigned int bytes, u64 old, u64 new);
int lodge_x86_operand_write(struct lodge_x86_emulator *e, unsigned int bytes, u64 value);

/* alu.c */
u64 lodge_x86_alu_szp(u64 result, unsigned int bytes);
u64 lodge_x86_alu_compute(struct lodge_x86_emulator *e, enum lodge_x86_alu_op op, u64 a, u64 b,
			  unsigned int bytes);

/* move.c */
int lodge_x86_move_movbe(struct lodge_x86_emulator *e);

/* stack.c */
int lodge_x86_stack_jump(struct lodge_x86_emulator *e, u64 target);

/* execute.c */
void lodge_x86_execute_save(struct lodge_x86_emulator *e, u64 rip);

/* string.c */
void lodge_x86_string_advance(struct lodge_x86_emulator *e, enum lodge_x86_gpr reg,
			      unsigned int bytes);
int lodge_x86_string_repeat(struct lodge_x86_emulator *e,
			    int (*step)(struct lodge_x86_emulator *e, u64 *n),
			    bool (*more)(const struct lodge_x86_emulator *e));

#endif /* LODGE_X86_EMULATE_INTERNAL_H */
