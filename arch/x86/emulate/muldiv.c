// SPDX-License-Identifier: GPL-2.0
/* Multiplication and division, in one 128-bit form for every operand size. */
#include <linux/types.h>

#include "internal.h"

struct wide {
	u64 low;
	u64 high;
};

static struct wide multiply(u64 a, u64 b)
{
	u64 a0 = (u32)a, a1 = a >> 32, b0 = (u32)b, b1 = b >> 32;
	u64 middle = a1 * b0 + ((a0 * b0) >> 32);
	u64 cross = a0 * b1 + (u32)middle;

	return (struct wide){ a * b, a1 * b1 + (middle >> 32) + (cross >> 32) };
}

/* The upper half is the unsigned product's, less the other factor for each negative one. */
static struct wide multiply_signed(u64 a, u64 b)
{
	struct wide w = multiply(a, b);

	w.high -= (s64)a < 0 ? b : 0;
	w.high -= (s64)b < 0 ? a : 0;
	return w;
}

/* The double-width accumulator: AX, or DX:AX and wider; at least @bytes are valid in each half. */
static struct wide accumulator(const struct lodge_x86_emulator *e, unsigned int bytes)
{
	if (bytes == 1)
		return (struct wide){ e->gpr[LODGE_X86_RAX] & 0xff,
				      (e->gpr[LODGE_X86_RAX] >> 8) & 0xff };
	return (struct wide){ lodge_x86_operand_reg(e, LODGE_X86_RAX, bytes),
			      lodge_x86_operand_reg(e, LODGE_X86_RDX, bytes) };
}

static void set_accumulator(struct lodge_x86_emulator *e, unsigned int bytes, u64 low, u64 high)
{
	if (bytes == 1) {
		lodge_x86_operand_set_reg(e, LODGE_X86_RAX, 2, (low & 0xff) | (high & 0xff) << 8);
		return;
	}
	lodge_x86_operand_set_reg(e, LODGE_X86_RAX, bytes, low);
	lodge_x86_operand_set_reg(e, LODGE_X86_RDX, bytes, high);
}

static void set_carry_overflow(struct lodge_x86_emulator *e, bool on)
{
	u64 mask = LODGE_X86_CF | LODGE_X86_OF;

	lodge_x86_set_flags(e, mask, on ? mask : 0);
}

/* The upper half of a product of narrow factors lies in the low word. */
static u64 upper_half(struct wide product, unsigned int bytes)
{
	return bytes == 8 ? product.high : product.low >> (8 * bytes);
}

static int run_mul(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	struct wide product;
	u64 factor, high;
	int r = lodge_x86_operand_read(e, bytes, &factor);

	if (r)
		return r;
	product = multiply(lodge_x86_operand_reg(e, LODGE_X86_RAX, bytes), factor);
	high = upper_half(product, bytes) & lodge_x86_mask(bytes);
	set_accumulator(e, bytes, product.low, high);
	set_carry_overflow(e, high);
	return LODGE_EMU_CONTINUE;
}

/* Does a signed product fit its low half? */
static bool fits_signed(struct wide product, unsigned int bytes)
{
	u64 extended = lodge_x86_sign_extend(product.low, bytes);

	return extended == product.low && product.high == ((s64)extended < 0 ? ~0ull : 0);
}

static int run_imul(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	struct wide product;
	u64 a, factor;
	int r = lodge_x86_operand_read(e, bytes, &factor);

	if (r)
		return r;
	a = lodge_x86_operand_reg(e, LODGE_X86_RAX, bytes);
	product = multiply_signed(lodge_x86_sign_extend(a, bytes),
				  lodge_x86_sign_extend(factor, bytes));
	set_accumulator(e, bytes, product.low, upper_half(product, bytes));
	set_carry_overflow(e, !fits_signed(product, bytes));
	return LODGE_EMU_CONTINUE;
}

static int imul_to_reg(struct lodge_x86_emulator *e, bool immediate)
{
	unsigned int bytes = e->insn.op_bytes;
	struct wide product;
	u64 a, b;
	int r = lodge_x86_operand_read(e, bytes, &a);

	if (r)
		return r;
	b = immediate ? e->insn.imm : lodge_x86_operand_reg(e, e->insn.reg, bytes);
	product = multiply_signed(lodge_x86_sign_extend(a, bytes), lodge_x86_sign_extend(b, bytes));
	lodge_x86_operand_set_reg(e, e->insn.reg, bytes, product.low);
	set_carry_overflow(e, !fits_signed(product, bytes));
	return LODGE_EMU_CONTINUE;
}

static int run_imul_reg(struct lodge_x86_emulator *e)
{
	return imul_to_reg(e, false);
}

static int run_imul_imm(struct lodge_x86_emulator *e)
{
	return imul_to_reg(e, true);
}

/*
 * Quotient and remainder of a double-width dividend, both halves in the low @bits
 * bits of @w. False if the quotient does not fit or the divisor is 0.
 */
static bool divide(struct wide w, u64 divisor, unsigned int bits, u64 *quotient, u64 *remainder)
{
	u64 q = 0, rest = w.high;
	bool carry;
	int i;

	if (w.high >= divisor)
		return false;
	for (i = bits - 1; i >= 0; i--) {
		carry = rest >> 63;
		rest = (rest << 1) | ((w.low >> i) & 1);
		if (carry || rest >= divisor) {
			rest -= divisor;
			q |= 1ull << i;
		}
	}
	*quotient = q;
	*remainder = rest;
	return true;
}

static int run_div(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 divisor, quotient, remainder;
	int r = lodge_x86_operand_read(e, bytes, &divisor);

	if (r)
		return r;
	if (!divide(accumulator(e, bytes), divisor, 8 * bytes, &quotient, &remainder))
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_DE);
	set_accumulator(e, bytes, quotient, remainder);
	return LODGE_EMU_CONTINUE;
}

static struct wide negate(struct wide w, unsigned int bytes)
{
	u64 mask = lodge_x86_mask(bytes);

	w.low = -w.low & mask;
	w.high = (~w.high + !w.low) & mask;
	return w;
}

/* By magnitudes; the remainder has the dividend's sign. */
static bool divide_signed(struct wide w, u64 divisor, unsigned int bytes, u64 *quotient,
			  u64 *remainder)
{
	u64 sign = 1ull << (8 * bytes - 1), mask = lodge_x86_mask(bytes);
	bool negative = w.high & sign, opposite = negative != !!(divisor & sign);

	if (negative)
		w = negate(w, bytes);
	if (divisor & sign)
		divisor = -divisor & mask;
	if (!divide(w, divisor, 8 * bytes, quotient, remainder))
		return false;
	if (*quotient > (opposite ? sign : sign - 1))
		return false;
	if (opposite)
		*quotient = -*quotient;
	if (negative)
		*remainder = -*remainder;
	return true;
}

static int run_idiv(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 divisor, quotient, remainder;
	int r = lodge_x86_operand_read(e, bytes, &divisor);

	if (r)
		return r;
	if (!divide_signed(accumulator(e, bytes), divisor, bytes, &quotient, &remainder))
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_DE);
	set_accumulator(e, bytes, quotient, remainder);
	return LODGE_EMU_CONTINUE;
}

/* mulx: no flags; the upper half is the one that stays if both destinations are the same. */
static int run_mulx(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes;
	struct wide product;
	u64 factor;
	int r;

	if (e->insn.rep != 0xf2)
		return LODGE_EMU_UNHANDLEABLE;
	if (e->insn.vex_l)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_UD);
	r = lodge_x86_operand_read(e, bytes, &factor);
	if (r)
		return r;
	product = multiply(lodge_x86_operand_reg(e, LODGE_X86_RDX, bytes), factor);
	lodge_x86_operand_set_reg(e, e->insn.vex_vvvv, bytes, product.low);
	lodge_x86_operand_set_reg(e, e->insn.reg, bytes, upper_half(product, bytes));
	return LODGE_EMU_CONTINUE;
}

const struct lodge_x86_handler lodge_x86_muldiv_handlers[] = {
	{ LODGE_X86_MAP_1, 0x69, 0x69, 0, false, run_imul_imm },
	{ LODGE_X86_MAP_1, 0x6b, 0x6b, 0, false, run_imul_imm },
	{ LODGE_X86_MAP_1, 0xf6, 0xf7, 0x10, false, run_mul },
	{ LODGE_X86_MAP_1, 0xf6, 0xf7, 0x20, false, run_imul },
	{ LODGE_X86_MAP_1, 0xf6, 0xf7, 0x40, false, run_div },
	{ LODGE_X86_MAP_1, 0xf6, 0xf7, 0x80, false, run_idiv },
	{ LODGE_X86_MAP_0F, 0xaf, 0xaf, 0, false, run_imul_reg },
	{ LODGE_X86_MAP_0F38, 0xf6, 0xf6, 0, true, run_mulx },
	{ }
};
