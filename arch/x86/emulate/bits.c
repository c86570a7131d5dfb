// SPDX-License-Identifier: GPL-2.0
/* Bit tests (also into bit strings), bit scans, population count, CRC32. */
#include <linux/types.h>

#include "internal.h"

enum { BT, BTS, BTR, BTC };

static unsigned int log2_bits(unsigned int bytes)
{
	return bytes == 8 ? 6 : bytes == 4 ? 5 : 4;
}

/* bt only reads; the others write in any case. */
static int test_bit(struct lodge_x86_emulator *e, unsigned int op, unsigned int n)
{
	unsigned int bytes = e->insn.op_bytes;
	u64 bit = 1ull << n, value, new;
	int r;

	if (op == BT)
		r = lodge_x86_operand_read(e, bytes, &value);
	else
		r = lodge_x86_operand_read_modify(e, bytes, &value);
	if (r)
		return r;
	lodge_x86_set_flags(e, LODGE_X86_CF, lodge_x86_flag_if(value & bit, LODGE_X86_CF));
	if (op == BT)
		return LODGE_EMU_CONTINUE;
	new = op == BTS ? value | bit : op == BTR ? value & ~bit : value ^ bit;
	return lodge_x86_operand_update(e, bytes, value, new);
}

/* A register's bit number reaches beyond a memory operand: it is signed, in operand-size units. */
static int run_bit_reg(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes, shift = log2_bits(bytes);
	u64 n = lodge_x86_sign_extend(lodge_x86_operand_reg(e, e->insn.reg, bytes), bytes);
	s64 disp = e->insn.disp;
	int r;

	if (lodge_x86_is_memory(e))
		e->insn.disp += ((s64)n >> shift) * (s64)bytes;
	r = test_bit(e, (e->insn.opcode >> 3) & 3, n & (8 * bytes - 1));
	/* It may be done again, once data has come, without being decoded again. */
	e->insn.disp = disp;
	return r;
}

static int run_bit_imm(struct lodge_x86_emulator *e)
{
	return test_bit(e, lodge_x86_group(e) & 3, e->insn.imm & (8 * e->insn.op_bytes - 1));
}

static unsigned int trailing_zeros(u64 value)
{
	unsigned int n = 0;

	for (; n < 64 && !(value & 1); n++)
		value >>= 1;
	return n;
}

static unsigned int top_set_bit(u64 value)
{
	unsigned int n = 0;

	while (value >>= 1)
		n++;
	return n;
}

/* tzcnt and lzcnt: the operand's width if there is no bit, which sets CF. */
static u64 count_zeros(struct lodge_x86_emulator *e, u64 value, unsigned int bits)
{
	u64 n = bits;

	if (value && e->insn.opcode == 0xbc)
		n = trailing_zeros(value);
	else if (value)
		n = bits - 1 - top_set_bit(value);
	lodge_x86_set_flags(e, LODGE_X86_CF | LODGE_X86_ZF,
			    lodge_x86_flag_if(!value, LODGE_X86_CF) |
			    lodge_x86_flag_if(!n, LODGE_X86_ZF));
	return n;
}

/* bsf and bsr leave the destination alone if there is no bit. F3 makes them tzcnt and lzcnt. */
static int run_scan(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes;
	u64 value, n;
	int r = lodge_x86_operand_read(e, bytes, &value);

	if (r)
		return r;
	if (e->insn.rep == 0xf3) {
		n = count_zeros(e, value, 8 * bytes);
	} else {
		lodge_x86_set_flags(e, LODGE_X86_ZF, lodge_x86_flag_if(!value, LODGE_X86_ZF));
		if (!value)
			return LODGE_EMU_CONTINUE;
		n = e->insn.opcode == 0xbc ? trailing_zeros(value) : top_set_bit(value);
	}
	lodge_x86_operand_set_reg(e, e->insn.reg, bytes, n);
	return LODGE_EMU_CONTINUE;
}

static int run_popcnt(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes;
	u64 value, n = 0;
	int r;

	if (e->insn.rep != 0xf3)
		return LODGE_EMU_UNHANDLEABLE;
	r = lodge_x86_operand_read(e, bytes, &value);
	if (r)
		return r;
	lodge_x86_set_flags(e, LODGE_X86_ARITH, lodge_x86_flag_if(!value, LODGE_X86_ZF));
	for (; value; value &= value - 1)
		n++;
	lodge_x86_operand_set_reg(e, e->insn.reg, bytes, n);
	return LODGE_EMU_CONTINUE;
}

/* CRC-32C, bit by bit, least significant first. */
static u32 crc32c(u32 crc, u64 data, unsigned int bytes)
{
	unsigned int i;

	for (i = 0; i < 8 * bytes; i++, data >>= 1)
		crc = (crc >> 1) ^ ((crc ^ data) & 1 ? 0x82f63b78 : 0);
	return crc;
}

static int run_crc32(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.opcode & 1 ? e->insn.op_bytes : 1;
	u64 data;
	int r = lodge_x86_operand_read(e, bytes, &data);

	if (!r)
		lodge_x86_operand_set_reg(e, e->insn.reg, e->insn.vex_w ? 8 : 4,
					  crc32c(e->gpr[e->insn.reg], data, bytes));
	return r;
}

/* F0, F1: crc32 under F2, else movbe, which is with the moves. */
static int run_crc32_or_movbe(struct lodge_x86_emulator *e)
{
	return e->insn.rep == 0xf2 ? run_crc32(e) : lodge_x86_move_movbe(e);
}

const struct lodge_x86_handler lodge_x86_bits_handlers[] = {
	{ LODGE_X86_MAP_0F, 0xa3, 0xa3, 0, false, run_bit_reg },
	{ LODGE_X86_MAP_0F, 0xab, 0xab, 0, false, run_bit_reg },
	{ LODGE_X86_MAP_0F, 0xb3, 0xb3, 0, false, run_bit_reg },
	{ LODGE_X86_MAP_0F, 0xb8, 0xb8, 0, false, run_popcnt },
	{ LODGE_X86_MAP_0F, 0xba, 0xba, 0, false, run_bit_imm },
	{ LODGE_X86_MAP_0F, 0xbb, 0xbb, 0, false, run_bit_reg },
	{ LODGE_X86_MAP_0F, 0xbc, 0xbd, 0, false, run_scan },
	{ LODGE_X86_MAP_0F38, 0xf0, 0xf1, 0, false, run_crc32_or_movbe },
	{ }
};
