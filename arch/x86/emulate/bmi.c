// SPDX-License-Identifier: GPL-2.0
/* The VEX-encoded general-register instructions of BMI1 and BMI2 (mulx is with multiplication). */
#include <linux/types.h>

#include "internal.h"

#define BMI_FLAGS	(LODGE_X86_CF | LODGE_X86_OF | LODGE_X86_SF | LODGE_X86_ZF)

/* Which prefix VEX.pp stands for. */
static u8 vex_prefix(const struct lodge_x86_insn *insn)
{
	return insn->prefix_66 ? 0x66 : insn->rep;
}

static u64 vvvv(const struct lodge_x86_emulator *e)
{
	return lodge_x86_operand_reg(e, e->insn.vex_vvvv, e->insn.op_bytes);
}

/* SF and ZF from the result, CF as given, OF clear; AF and PF are undefined and stay. */
static void set_bmi_flags(struct lodge_x86_emulator *e, u64 result, bool carry)
{
	u64 flags = lodge_x86_alu_szp(result, e->insn.op_bytes);

	lodge_x86_set_flags(e, BMI_FLAGS, flags | lodge_x86_flag_if(carry, LODGE_X86_CF));
}

static int read_source(struct lodge_x86_emulator *e, u64 *value)
{
	if (e->insn.vex_l)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_UD);
	return lodge_x86_operand_read(e, e->insn.op_bytes, value);
}

static int run_andn(struct lodge_x86_emulator *e)
{
	u64 value;
	int r;

	if (vex_prefix(&e->insn))
		return LODGE_EMU_UNHANDLEABLE;
	r = read_source(e, &value);
	if (r)
		return r;
	value &= ~vvvv(e);
	set_bmi_flags(e, value, false);
	lodge_x86_operand_set_reg(e, e->insn.reg, e->insn.op_bytes, value);
	return LODGE_EMU_CONTINUE;
}

/* Group 17: blsr, blsmsk, blsi work on the lowest set bit. */
static int run_lowest_bit(struct lodge_x86_emulator *e)
{
	u64 mask = lodge_x86_mask(e->insn.op_bytes);
	u64 value, result;
	bool carry;
	int r;

	if (vex_prefix(&e->insn))
		return LODGE_EMU_UNHANDLEABLE;
	r = read_source(e, &value);
	if (r)
		return r;
	carry = !value;
	if (lodge_x86_group(e) == 1) {
		result = value & (value - 1);
	} else if (lodge_x86_group(e) == 2) {
		result = value ^ (value - 1);
	} else {
		result = value & -value;
		carry = value;
	}
	result &= mask;
	set_bmi_flags(e, result, carry);
	lodge_x86_operand_set_reg(e, e->insn.vex_vvvv, e->insn.op_bytes, result);
	return LODGE_EMU_CONTINUE;
}

static u64 zero_high(struct lodge_x86_emulator *e, u64 value)
{
	unsigned int bits = 8 * e->insn.op_bytes, n = e->gpr[e->insn.vex_vvvv] & 0xff;
	u64 result = n < bits ? value & ((1ull << n) - 1) : value;

	set_bmi_flags(e, result, n >= bits);
	return result;
}

/* The value's low bits go to where the mask has ones. */
static u64 deposit(u64 value, u64 mask)
{
	u64 result = 0;

	for (; mask; mask &= mask - 1, value >>= 1)
		if (value & 1)
			result |= mask & -mask;
	return result;
}

/* The value's bits where the mask has ones come together at the bottom. */
static u64 extract(u64 value, u64 mask)
{
	u64 result = 0;
	unsigned int n;

	for (n = 0; mask; mask &= mask - 1, n++)
		if (value & mask & -mask)
			result |= 1ull << n;
	return result;
}

static int run_f5(struct lodge_x86_emulator *e)
{
	u8 prefix = vex_prefix(&e->insn);
	u64 value, result;
	int r;

	if (prefix == 0x66)
		return LODGE_EMU_UNHANDLEABLE;
	r = read_source(e, &value);
	if (r)
		return r;
	if (!prefix)
		result = zero_high(e, value);
	else
		result = prefix == 0xf2 ? deposit(vvvv(e), value) : extract(vvvv(e), value);
	lodge_x86_operand_set_reg(e, e->insn.reg, e->insn.op_bytes, result);
	return LODGE_EMU_CONTINUE;
}

static u64 extract_field(struct lodge_x86_emulator *e, u64 value)
{
	u64 control = e->gpr[e->insn.vex_vvvv];
	unsigned int start = control & 0xff, length = (control >> 8) & 0xff;
	u64 result = start < 64 ? value >> start : 0;

	if (length < 64)
		result &= (1ull << length) - 1;
	lodge_x86_set_flags(e, LODGE_X86_CF | LODGE_X86_OF | LODGE_X86_ZF,
			    lodge_x86_flag_if(!result, LODGE_X86_ZF));
	return result;
}

static u64 shift_by(const struct lodge_x86_emulator *e, u64 value, u8 prefix)
{
	unsigned int bytes = e->insn.op_bytes;
	unsigned int n = e->gpr[e->insn.vex_vvvv] & (8 * bytes - 1);

	if (prefix == 0x66)
		return value << n;
	if (prefix == 0xf2)
		return value >> n;
	return (u64)((s64)lodge_x86_sign_extend(value, bytes) >> n);
}

/* bextr, and shlx, shrx, sarx by prefix */
static int run_f7(struct lodge_x86_emulator *e)
{
	u8 prefix = vex_prefix(&e->insn);
	u64 value;
	int r = read_source(e, &value);

	if (r)
		return r;
	value = prefix ? shift_by(e, value, prefix) : extract_field(e, value);
	lodge_x86_operand_set_reg(e, e->insn.reg, e->insn.op_bytes, value);
	return LODGE_EMU_CONTINUE;
}

static int run_rorx(struct lodge_x86_emulator *e)
{
	unsigned int bits = 8 * e->insn.op_bytes, n = e->insn.imm & (bits - 1);
	u64 value;
	int r;

	if (vex_prefix(&e->insn) != 0xf2)
		return LODGE_EMU_UNHANDLEABLE;
	if (e->insn.vex_vvvv)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_UD);
	r = read_source(e, &value);
	if (r)
		return r;
	if (n)
		value = (value >> n) | (value << (bits - n));
	lodge_x86_operand_set_reg(e, e->insn.reg, e->insn.op_bytes, value);
	return LODGE_EMU_CONTINUE;
}

const struct lodge_x86_handler lodge_x86_bmi_handlers[] = {
	{ LODGE_X86_MAP_0F38, 0xf2, 0xf2, 0, true, run_andn },
	{ LODGE_X86_MAP_0F38, 0xf3, 0xf3, 0x0e, true, run_lowest_bit },
	{ LODGE_X86_MAP_0F38, 0xf5, 0xf5, 0, true, run_f5 },
	{ LODGE_X86_MAP_0F38, 0xf7, 0xf7, 0, true, run_f7 },
	{ LODGE_X86_MAP_0F3A, 0xf0, 0xf0, 0, true, run_rorx },
	{ }
};
