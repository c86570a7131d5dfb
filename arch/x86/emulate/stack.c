// SPDX-License-Identifier: GPL-2.0
/* Push, pop, near calls, returns and jumps: what reaches memory through the stack or a pointer. */
#include <linux/string.h>
#include <linux/types.h>

#include "internal.h"

#define IOPL_SHIFT	12
#define POPF_MASK	(LODGE_X86_ARITH | LODGE_X86_TF | LODGE_X86_DF | (1ull << 14) | \
			 LODGE_X86_AC | (1ull << 21))

/* Width of the stack pointer: the stack segment's size attribute says. */
static unsigned int stack_width(struct lodge_x86_emulator *e)
{
	struct lodge_x86_segment ss;

	if (e->mode == LODGE_X86_LONG64)
		return 8;
	e->ops->get_seg(e, LODGE_X86_SS, &ss);
	return ss.db ? 4 : 2;
}

static u64 stack_offset(struct lodge_x86_emulator *e, s64 displacement)
{
	unsigned int width = stack_width(e);

	return (lodge_x86_operand_reg(e, LODGE_X86_RSP, width) + displacement) &
	       lodge_x86_mask(width);
}

static void move_stack(struct lodge_x86_emulator *e, s64 displacement)
{
	lodge_x86_operand_set_reg(e, LODGE_X86_RSP, stack_width(e), stack_offset(e, displacement));
}

static int push(struct lodge_x86_emulator *e, u64 value, unsigned int bytes)
{
	int r = lodge_x86_operand_store(e, LODGE_X86_SS, stack_offset(e, -(s64)bytes), &value,
					bytes);

	if (!r)
		move_stack(e, -(s64)bytes);
	return r;
}

static int pop(struct lodge_x86_emulator *e, u64 *value, unsigned int bytes)
{
	int r;

	*value = 0;
	r = lodge_x86_operand_load(e, LODGE_X86_SS, stack_offset(e, 0), value, bytes,
				   LODGE_EMU_READ);
	if (!r)
		move_stack(e, bytes);
	return r;
}

/* Before a device is read for data that will be pushed: would the push fault? */
static int read_for_push(struct lodge_x86_emulator *e, u64 *value)
{
	unsigned int bytes = e->insn.op_bytes;
	int r = lodge_x86_operand_read(e, bytes, value);
	int push_r;

	if (r != LODGE_EMU_IO_NEEDED)
		return r;
	push_r = lodge_x86_operand_check(e, LODGE_X86_SS, stack_offset(e, -(s64)bytes), bytes,
					 LODGE_EMU_WRITE);
	return push_r ?: r;
}

static unsigned int opcode_reg(const struct lodge_x86_emulator *e)
{
	return (e->insn.opcode & 7) | (e->insn.rex & 1 ? 8 : 0);
}

static int run_push_reg(struct lodge_x86_emulator *e)
{
	return push(e, e->gpr[opcode_reg(e)], e->insn.op_bytes);
}

static int run_pop_reg(struct lodge_x86_emulator *e)
{
	u64 value;
	int r = pop(e, &value, e->insn.op_bytes);

	if (!r)
		lodge_x86_operand_set_reg(e, opcode_reg(e), e->insn.op_bytes, value);
	return r;
}

static int run_push_imm(struct lodge_x86_emulator *e)
{
	return push(e, e->insn.imm, e->insn.op_bytes);
}

static int run_push_rm(struct lodge_x86_emulator *e)
{
	u64 value;
	int r = read_for_push(e, &value);

	return r ?: push(e, value, e->insn.op_bytes);
}

/* The destination's address is made with the stack pointer after the pop. */
static int run_pop_rm(struct lodge_x86_emulator *e)
{
	u64 value;
	int r = pop(e, &value, e->insn.op_bytes);

	if (r == LODGE_EMU_IO_NEEDED && lodge_x86_is_memory(e)) {
		move_stack(e, e->insn.op_bytes);
		return lodge_x86_operand_check(e, e->insn.seg, lodge_x86_operand_address(e),
					       e->insn.op_bytes, LODGE_EMU_WRITE) ?: r;
	}
	return r ?: lodge_x86_operand_write(e, e->insn.op_bytes, value);
}

static int run_push_segment(struct lodge_x86_emulator *e)
{
	struct lodge_x86_segment s;

	e->ops->get_seg(e, (e->insn.opcode >> 3) & 7, &s);
	return push(e, s.selector, e->insn.op_bytes);
}

/* In virtual-8086 mode with IOPL below 3 the virtual interrupt flag may be meant. */
static bool needs_virtual_if(const struct lodge_x86_emulator *e)
{
	return e->mode == LODGE_X86_VM86 && (e->rflags & LODGE_X86_IOPL) != LODGE_X86_IOPL;
}

static int run_pushf(struct lodge_x86_emulator *e)
{
	if (needs_virtual_if(e))
		return LODGE_EMU_UNHANDLEABLE;
	return push(e, e->rflags & ~(LODGE_X86_VM | LODGE_X86_RF), e->insn.op_bytes);
}

/* Who may change what: IOPL only ring 0, IF only a ring that IOPL allows. */
static int run_popf(struct lodge_x86_emulator *e)
{
	u64 mask = POPF_MASK, value;
	int r;

	if (needs_virtual_if(e))
		return LODGE_EMU_UNHANDLEABLE;
	r = pop(e, &value, e->insn.op_bytes);
	if (r)
		return r;
	if (e->cpl == 0)
		mask |= LODGE_X86_IOPL;
	if (e->cpl <= (e->rflags & LODGE_X86_IOPL) >> IOPL_SHIFT)
		mask |= LODGE_X86_IF;
	if (e->insn.op_bytes == 2)
		mask &= 0xffff;
	lodge_x86_set_flags(e, mask, value);
	e->rflags &= ~LODGE_X86_RF;
	return LODGE_EMU_CONTINUE;
}

/* All eight at once, as long as they do not wrap around the segment's end. */
static bool eight_wrap(struct lodge_x86_emulator *e, u64 offset)
{
	u64 last = offset + 8 * e->insn.op_bytes - 1;

	return last > lodge_x86_mask(stack_width(e));
}

static int run_pusha(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes, i;
	u64 offset = stack_offset(e, -(s64)(8 * bytes));
	u8 data[32];
	int r;

	if (eight_wrap(e, offset))
		return LODGE_EMU_UNHANDLEABLE;
	for (i = 0; i < 8; i++)
		memcpy(data + i * bytes, &e->gpr[7 - i], bytes);
	r = lodge_x86_operand_store(e, LODGE_X86_SS, offset, data, 8 * bytes);
	if (!r)
		move_stack(e, -(s64)(8 * bytes));
	return r;
}

/* The stack pointer's own slot is skipped. */
static int run_popa(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes, i;
	u64 offset = stack_offset(e, 0), value = 0;
	u8 data[32];
	int r;

	if (eight_wrap(e, offset))
		return LODGE_EMU_UNHANDLEABLE;
	r = lodge_x86_operand_load(e, LODGE_X86_SS, offset, data, 8 * bytes, LODGE_EMU_READ);
	if (r)
		return r;
	for (i = 0; i < 8; i++) {
		memcpy(&value, data + i * bytes, bytes);
		if (7 - i != LODGE_X86_RSP)
			lodge_x86_operand_set_reg(e, 7 - i, bytes, value);
	}
	move_stack(e, 8 * bytes);
	return LODGE_EMU_CONTINUE;
}

/**
 * lodge_x86_stack_jump() - a near branch
 * @e: emulator
 * @target: offset into CS; wraps at the operand size
 *
 * Context: as the get_seg operation.
 * Return: LODGE_EMU_CONTINUE, or LODGE_EMU_FAULT with #GP if there can be no code.
 */
int lodge_x86_stack_jump(struct lodge_x86_emulator *e, u64 target)
{
	u64 linear;
	int r;

	target &= lodge_x86_mask(e->insn.op_bytes);
	r = lodge_x86_operand_linear(e, LODGE_X86_CS, target, 1, LODGE_EMU_FETCH, &linear);
	if (!r)
		e->rip = target;
	return r;
}

static int call(struct lodge_x86_emulator *e, u64 target)
{
	u64 next = e->rip;

	return lodge_x86_stack_jump(e, target) ?: push(e, next, e->insn.op_bytes);
}

static int run_call(struct lodge_x86_emulator *e)
{
	return call(e, e->rip + e->insn.imm);
}

static int run_call_rm(struct lodge_x86_emulator *e)
{
	u64 target;
	int r = read_for_push(e, &target);

	return r ?: call(e, target);
}

static int run_jump_rm(struct lodge_x86_emulator *e)
{
	u64 target;
	int r = lodge_x86_operand_read(e, e->insn.op_bytes, &target);

	return r ?: lodge_x86_stack_jump(e, target);
}

static int run_ret(struct lodge_x86_emulator *e)
{
	u64 target;
	int r = pop(e, &target, e->insn.op_bytes);

	if (!r)
		r = lodge_x86_stack_jump(e, target);
	if (!r && e->insn.opcode == 0xc2)
		move_stack(e, e->insn.imm & 0xffff);
	return r;
}

/* Without nesting, which no compiler has used for decades. */
static int run_enter(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes;
	int r;

	if (e->insn.imm2 & 31)
		return LODGE_EMU_UNHANDLEABLE;
	r = push(e, e->gpr[LODGE_X86_RBP], bytes);
	if (r)
		return r;
	lodge_x86_operand_set_reg(e, LODGE_X86_RBP, bytes, e->gpr[LODGE_X86_RSP]);
	move_stack(e, -(s64)(e->insn.imm & 0xffff));
	return LODGE_EMU_CONTINUE;
}

static int run_leave(struct lodge_x86_emulator *e)
{
	unsigned int width = stack_width(e);
	u64 value;
	int r;

	lodge_x86_operand_set_reg(e, LODGE_X86_RSP, width, e->gpr[LODGE_X86_RBP]);
	r = pop(e, &value, e->insn.op_bytes);
	if (!r)
		lodge_x86_operand_set_reg(e, LODGE_X86_RBP, e->insn.op_bytes, value);
	return r;
}

const struct lodge_x86_handler lodge_x86_stack_handlers[] = {
	{ LODGE_X86_MAP_1, 0x06, 0x06, 0, false, run_push_segment },
	{ LODGE_X86_MAP_1, 0x0e, 0x0e, 0, false, run_push_segment },
	{ LODGE_X86_MAP_1, 0x16, 0x16, 0, false, run_push_segment },
	{ LODGE_X86_MAP_1, 0x1e, 0x1e, 0, false, run_push_segment },
	{ LODGE_X86_MAP_1, 0x50, 0x57, 0, false, run_push_reg },
	{ LODGE_X86_MAP_1, 0x58, 0x5f, 0, false, run_pop_reg },
	{ LODGE_X86_MAP_1, 0x60, 0x60, 0, false, run_pusha },
	{ LODGE_X86_MAP_1, 0x61, 0x61, 0, false, run_popa },
	{ LODGE_X86_MAP_1, 0x68, 0x68, 0, false, run_push_imm },
	{ LODGE_X86_MAP_1, 0x6a, 0x6a, 0, false, run_push_imm },
	{ LODGE_X86_MAP_1, 0x8f, 0x8f, 0x01, false, run_pop_rm },
	{ LODGE_X86_MAP_1, 0x9c, 0x9c, 0, false, run_pushf },
	{ LODGE_X86_MAP_1, 0x9d, 0x9d, 0, false, run_popf },
	{ LODGE_X86_MAP_1, 0xc2, 0xc3, 0, false, run_ret },
	{ LODGE_X86_MAP_1, 0xc8, 0xc8, 0, false, run_enter },
	{ LODGE_X86_MAP_1, 0xc9, 0xc9, 0, false, run_leave },
	{ LODGE_X86_MAP_1, 0xe8, 0xe8, 0, false, run_call },
	{ LODGE_X86_MAP_1, 0xff, 0xff, 0x04, false, run_call_rm },
	{ LODGE_X86_MAP_1, 0xff, 0xff, 0x10, false, run_jump_rm },
	{ LODGE_X86_MAP_1, 0xff, 0xff, 0x40, false, run_push_rm },
	{ LODGE_X86_MAP_0F, 0xa0, 0xa0, 0, false, run_push_segment },
	{ LODGE_X86_MAP_0F, 0xa8, 0xa8, 0, false, run_push_segment },
	{ }
};
