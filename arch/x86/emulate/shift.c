// SPDX-License-Identifier: GPL-2.0
/*
 * Shifts and rotates. Counts are taken modulo 32 (64 for 8-byte operands). Where
 * the manual leaves OF undefined (counts other than 1) it is what a count of 1
 * would make of the last step.
 */
#include <linux/types.h>

#include "internal.h"

struct shift {
	u64 value;
	bool carry;
	bool overflow;
};

static bool bit(u64 value, unsigned int n)
{
	return (value >> n) & 1;
}

static struct shift rotate_left(u64 v, unsigned int n, unsigned int bits)
{
	struct shift s = { v, false, false };

	n %= bits;
	if (n)
		s.value = (v << n) | (v >> (bits - n));
	s.carry = bit(s.value, 0);
	s.overflow = bit(s.value, bits - 1) != s.carry;
	return s;
}

static struct shift rotate_right(u64 v, unsigned int n, unsigned int bits)
{
	struct shift s = { v, false, false };

	n %= bits;
	if (n)
		s.value = (v >> n) | (v << (bits - n));
	s.carry = bit(s.value, bits - 1);
	s.overflow = bit(s.value, bits - 2) != s.carry;
	return s;
}

/* Through carry one step at a time: the rotated quantity is one bit wider than the operand. */
static struct shift rotate_carry(u64 v, unsigned int n, unsigned int bits, bool carry, bool left)
{
	struct shift s = { v, carry, false };
	bool out;

	for (n %= bits + 1; n; n--) {
		out = bit(s.value, left ? bits - 1 : 0);
		if (left)
			s.value = (s.value << 1) | s.carry;
		else
			s.value = ((s.value & lodge_x86_mask(bits / 8)) >> 1) |
				  ((u64)s.carry << (bits - 1));
		s.carry = out;
	}
	if (left)
		s.overflow = bit(s.value, bits - 1) != s.carry;
	else
		s.overflow = bit(s.value, bits - 1) != bit(s.value, bits - 2);
	return s;
}

static struct shift shift_left(u64 v, unsigned int n, unsigned int bits)
{
	struct shift s = { v << n, false, false };

	s.carry = n <= bits && bit(v, bits - n);
	s.overflow = bit(s.value, bits - 1) != s.carry;
	return s;
}

static struct shift shift_right(u64 v, unsigned int n, unsigned int bits)
{
	struct shift s = { v >> n, bit(v, n - 1), false };

	s.overflow = bit(v, bits - 1);
	return s;
}

static struct shift shift_arithmetic(u64 v, unsigned int n, unsigned int bits)
{
	s64 wide = (s64)lodge_x86_sign_extend(v, bits / 8);
	struct shift s = { (u64)(wide >> n), bit((u64)wide, n - 1), false };

	return s;
}

static struct shift do_shift(unsigned int op, u64 v, unsigned int n, unsigned int bits, bool carry)
{
	switch (op) {
	case 0:
		return rotate_left(v, n, bits);
	case 1:
		return rotate_right(v, n, bits);
	case 2:
	case 3:
		return rotate_carry(v, n, bits, carry, op == 2);
	case 5:
		return shift_right(v, n, bits);
	case 7:
		return shift_arithmetic(v, n, bits);
	}
	return shift_left(v, n, bits);
}

static void set_shift_flags(struct lodge_x86_emulator *e, const struct shift *s, bool rotate,
			    unsigned int bytes)
{
	u64 flags = lodge_x86_flag_if(s->carry, LODGE_X86_CF) |
		    lodge_x86_flag_if(s->overflow, LODGE_X86_OF);

	if (!rotate)
		lodge_x86_set_flags(e, LODGE_X86_ARITH, flags | lodge_x86_alu_szp(s->value, bytes));
	else
		lodge_x86_set_flags(e, LODGE_X86_CF | LODGE_X86_OF, flags);
}

static unsigned int count_of(u64 count, unsigned int bytes)
{
	return count & (bytes == 8 ? 63 : 31);
}

static int shift_rm(struct lodge_x86_emulator *e, u64 count)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	unsigned int n = count_of(count, bytes);
	unsigned int op = lodge_x86_group(e);
	struct shift s;
	u64 value;
	int r = lodge_x86_operand_read_modify(e, bytes, &value);

	if (r)
		return r;
	s.value = value;
	if (n) {
		s = do_shift(op, value, n, 8 * bytes, e->rflags & LODGE_X86_CF);
		set_shift_flags(e, &s, op < 4, bytes);
	}
	return lodge_x86_operand_update(e, bytes, value, s.value);
}

static int run_shift_imm(struct lodge_x86_emulator *e)
{
	return shift_rm(e, e->insn.imm);
}

static int run_shift_1(struct lodge_x86_emulator *e)
{
	return shift_rm(e, 1);
}

static int run_shift_cl(struct lodge_x86_emulator *e)
{
	return shift_rm(e, e->gpr[LODGE_X86_RCX]);
}

/* The destination's bits leave on one side, the source's enter on the other. */
static struct shift shift_double(u64 dst, u64 src, unsigned int n, unsigned int bits, bool left)
{
	struct shift s = { 0, false, false };

	if (n > bits) {		/* 16-bit operands: the manual leaves this undefined */
		n -= bits;
		dst = src;
	}
	if (left) {
		s.value = (dst << n) | (n == bits ? src : src >> (bits - n));
		s.carry = bit(dst, bits - n);
	} else {
		s.value = (dst >> n) | (n == bits ? src : src << (bits - n));
		s.carry = bit(dst, n - 1);
	}
	s.overflow = bit(s.value, bits - 1) != bit(dst, bits - 1);
	return s;
}

static int run_shift_double(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes;
	u64 count = e->insn.opcode & 1 ? e->gpr[LODGE_X86_RCX] : e->insn.imm;
	unsigned int n = count_of(count, bytes);
	u64 src = lodge_x86_operand_reg(e, e->insn.reg, bytes);
	struct shift s;
	u64 value;
	int r = lodge_x86_operand_read_modify(e, bytes, &value);

	if (r)
		return r;
	s.value = value;
	if (n) {
		s = shift_double(value, src, n, 8 * bytes, e->insn.opcode < 0xa8);
		set_shift_flags(e, &s, false, bytes);
	}
	return lodge_x86_operand_update(e, bytes, value, s.value);
}

const struct lodge_x86_handler lodge_x86_shift_handlers[] = {
	{ LODGE_X86_MAP_1, 0xc0, 0xc1, 0, false, run_shift_imm },
	{ LODGE_X86_MAP_1, 0xd0, 0xd1, 0, false, run_shift_1 },
	{ LODGE_X86_MAP_1, 0xd2, 0xd3, 0, false, run_shift_cl },
	{ LODGE_X86_MAP_0F, 0xa4, 0xa5, 0, false, run_shift_double },
	{ LODGE_X86_MAP_0F, 0xac, 0xad, 0, false, run_shift_double },
	{ }
};
