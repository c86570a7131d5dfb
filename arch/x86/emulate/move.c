// SPDX-License-Identifier: GPL-2.0
/* Moves, extensions, exchanges, conditional moves and sets, and what only looks at memory. */
#include <linux/types.h>

#include "internal.h"

static int run_store(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);

	return lodge_x86_operand_write(e, bytes, lodge_x86_operand_reg(e, e->insn.reg, bytes));
}

static int run_load(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 value;
	int r = lodge_x86_operand_read(e, bytes, &value);

	if (!r)
		lodge_x86_operand_set_reg(e, e->insn.reg, bytes, value);
	return r;
}

static int run_store_imm(struct lodge_x86_emulator *e)
{
	return lodge_x86_operand_write(e, lodge_x86_operand_bytes(e), e->insn.imm);
}

static int run_reg_imm(struct lodge_x86_emulator *e)
{
	unsigned int reg = (e->insn.opcode & 7) | (e->insn.rex & 1 ? 8 : 0);

	lodge_x86_operand_set_reg(e, reg, lodge_x86_operand_bytes(e), e->insn.imm);
	return LODGE_EMU_CONTINUE;
}

static int run_load_moffs(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 value;
	int r = lodge_x86_operand_load(e, e->insn.seg, lodge_x86_operand_address(e), &value, bytes,
				       LODGE_EMU_READ);

	if (!r)
		lodge_x86_operand_set_reg(e, LODGE_X86_RAX, bytes, value);
	return r;
}

static int run_store_moffs(struct lodge_x86_emulator *e)
{
	return lodge_x86_operand_store(e, e->insn.seg, lodge_x86_operand_address(e),
				       &e->gpr[LODGE_X86_RAX], lodge_x86_operand_bytes(e));
}

/* To memory always two bytes, to a register the operand size. */
static int run_store_segment(struct lodge_x86_emulator *e)
{
	struct lodge_x86_segment s;
	unsigned int reg = lodge_x86_group(e);

	if (reg >= LODGE_X86_NR_SEGS)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_UD);
	e->ops->get_seg(e, reg, &s);
	return lodge_x86_operand_write(e, lodge_x86_is_memory(e) ? 2 : e->insn.op_bytes,
				       s.selector);
}

/* Without descriptors only; the limit stays what it was. */
static int run_load_segment(struct lodge_x86_emulator *e)
{
	unsigned int reg = lodge_x86_group(e);
	struct lodge_x86_segment s;
	u64 selector;
	int r;

	if (reg >= LODGE_X86_NR_SEGS || reg == LODGE_X86_CS)
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_UD);
	if (e->mode > LODGE_X86_VM86 || !e->ops->set_seg)
		return LODGE_EMU_UNHANDLEABLE;
	r = lodge_x86_operand_read(e, 2, &selector);
	if (r)
		return r;
	e->ops->get_seg(e, reg, &s);
	s.selector = selector;
	s.base = selector << 4;
	e->shadow = reg == LODGE_X86_SS;
	return e->ops->set_seg(e, reg, &s);
}

/* movzx b6, b7; movsx be, bf: the low bit says byte or word source */
static int run_extend(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.opcode & 1 ? 2 : 1;
	u64 value;
	int r = lodge_x86_operand_read(e, bytes, &value);

	if (r)
		return r;
	if (e->insn.opcode & 8)
		value = lodge_x86_sign_extend(value, bytes);
	lodge_x86_operand_set_reg(e, e->insn.reg, e->insn.op_bytes, value);
	return LODGE_EMU_CONTINUE;
}

/* The source is four bytes even under 66, where AMD keeps the low two. */
static int run_movsxd(struct lodge_x86_emulator *e)
{
	u64 value;
	int r;

	if (e->mode != LODGE_X86_LONG64)
		return LODGE_EMU_UNHANDLEABLE;	/* arpl */
	r = lodge_x86_operand_read(e, 4, &value);
	if (!r)
		lodge_x86_operand_set_reg(e, e->insn.reg, e->insn.op_bytes,
					  lodge_x86_sign_extend(value, 4));
	return r;
}

static u64 swap_bytes(u64 value, unsigned int bytes)
{
	u64 swapped = 0;

	for (; bytes; bytes--, value >>= 8)
		swapped = (swapped << 8) | (value & 0xff);
	return swapped;
}

/**
 * lodge_x86_move_movbe() - movbe, which shares its opcodes with crc32
 * @e: emulator
 *
 * Context: as the read and write operations.
 * Return: enum lodge_emu_result.
 */
int lodge_x86_move_movbe(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes;
	u64 value;
	int r;

	if (!lodge_x86_is_memory(e) || e->insn.rep)
		return LODGE_EMU_UNHANDLEABLE;
	if (e->insn.opcode & 1) {
		value = lodge_x86_operand_reg(e, e->insn.reg, bytes);
		return lodge_x86_operand_write(e, bytes, swap_bytes(value, bytes));
	}
	r = lodge_x86_operand_read(e, bytes, &value);
	if (!r)
		lodge_x86_operand_set_reg(e, e->insn.reg, bytes, swap_bytes(value, bytes));
	return r;
}

/* With memory xchg locks by itself. */
static int run_xchg(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 mine = lodge_x86_operand_reg(e, e->insn.reg, bytes);
	u64 value;
	int r = lodge_x86_operand_read_modify(e, bytes, &value);

	if (r)
		return r;
	e->insn.lock = true;
	r = lodge_x86_operand_update(e, bytes, value, mine);
	lodge_x86_operand_set_reg(e, e->insn.reg, bytes, value);
	return r;
}

/* Condition codes: bit 0 inverts the one that the other three name. */
static bool condition(u64 flags, unsigned int code)
{
	bool less = !(flags & LODGE_X86_SF) != !(flags & LODGE_X86_OF);
	bool holds = false;

	switch (code >> 1) {
	case 0:
		holds = flags & LODGE_X86_OF;
		break;
	case 1:
		holds = flags & LODGE_X86_CF;
		break;
	case 2:
		holds = flags & LODGE_X86_ZF;
		break;
	case 3:
		holds = flags & (LODGE_X86_CF | LODGE_X86_ZF);
		break;
	case 4:
		holds = flags & LODGE_X86_SF;
		break;
	case 5:
		holds = flags & LODGE_X86_PF;
		break;
	case 6:
		holds = less;
		break;
	case 7:
		holds = less || (flags & LODGE_X86_ZF);
		break;
	}
	return holds != (code & 1);
}

/* Memory is read, and a 4-byte destination's upper half cleared, whatever the condition. */
static int run_cmov(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes;
	u64 value;
	int r = lodge_x86_operand_read(e, bytes, &value);

	if (r)
		return r;
	if (!condition(e->rflags, e->insn.opcode & 15))
		value = lodge_x86_operand_reg(e, e->insn.reg, bytes);
	lodge_x86_operand_set_reg(e, e->insn.reg, bytes, value);
	return LODGE_EMU_CONTINUE;
}

static int run_set(struct lodge_x86_emulator *e)
{
	return lodge_x86_operand_write(e, 1, condition(e->rflags, e->insn.opcode & 15));
}

static int run_lea(struct lodge_x86_emulator *e)
{
	lodge_x86_operand_set_reg(e, e->insn.reg, e->insn.op_bytes, lodge_x86_operand_address(e));
	return LODGE_EMU_CONTINUE;
}

static int run_movnti(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes == 8 ? 8 : 4;

	if (e->insn.rep || e->insn.prefix_66)
		return LODGE_EMU_UNHANDLEABLE;
	return lodge_x86_operand_write(e, bytes, lodge_x86_operand_reg(e, e->insn.reg, bytes));
}

static int run_xlat(struct lodge_x86_emulator *e)
{
	u64 offset = e->gpr[LODGE_X86_RBX] + (e->gpr[LODGE_X86_RAX] & 0xff);
	u8 value;
	int r = lodge_x86_operand_load(e, e->insn.seg, offset & lodge_x86_mask(e->insn.addr_bytes),
				       &value, 1, LODGE_EMU_READ);

	if (!r)
		lodge_x86_operand_set_reg(e, LODGE_X86_RAX, 1, value);
	return r;
}

/* Prefetches and hinting no-ops do not touch memory, not even to fault. */
static int run_nop(struct lodge_x86_emulator *e)
{
	return LODGE_EMU_CONTINUE;
}

/* clflush, clflushopt, clwb fault as a read of one byte does. Fences: callbacks are ordered. */
static int run_cache_line(struct lodge_x86_emulator *e)
{
	if (e->insn.rep)
		return LODGE_EMU_UNHANDLEABLE;
	if (!lodge_x86_is_memory(e))
		return e->insn.prefix_66 ? LODGE_EMU_UNHANDLEABLE : LODGE_EMU_CONTINUE;
	if (lodge_x86_group(e) == 6 && !e->insn.prefix_66)
		return LODGE_EMU_UNHANDLEABLE;	/* xsaveopt */
	return lodge_x86_operand_check(e, e->insn.seg, lodge_x86_operand_address(e), 1,
				       LODGE_EMU_READ);
}

const struct lodge_x86_handler lodge_x86_move_handlers[] = {
	{ LODGE_X86_MAP_1, 0x63, 0x63, 0, false, run_movsxd },
	{ LODGE_X86_MAP_1, 0x86, 0x87, 0, false, run_xchg },
	{ LODGE_X86_MAP_1, 0x88, 0x89, 0, false, run_store },
	{ LODGE_X86_MAP_1, 0x8a, 0x8b, 0, false, run_load },
	{ LODGE_X86_MAP_1, 0x8c, 0x8c, 0, false, run_store_segment },
	{ LODGE_X86_MAP_1, 0x8d, 0x8d, 0, false, run_lea },
	{ LODGE_X86_MAP_1, 0x8e, 0x8e, 0, false, run_load_segment },
	{ LODGE_X86_MAP_1, 0xa0, 0xa1, 0, false, run_load_moffs },
	{ LODGE_X86_MAP_1, 0xa2, 0xa3, 0, false, run_store_moffs },
	{ LODGE_X86_MAP_1, 0xb0, 0xbf, 0, false, run_reg_imm },
	{ LODGE_X86_MAP_1, 0xc6, 0xc7, 0x01, false, run_store_imm },
	{ LODGE_X86_MAP_1, 0xd7, 0xd7, 0, false, run_xlat },
	{ LODGE_X86_MAP_0F, 0x0d, 0x0d, 0, false, run_nop },
	{ LODGE_X86_MAP_0F, 0x18, 0x1d, 0, false, run_nop },
	{ LODGE_X86_MAP_0F, 0x1f, 0x1f, 0, false, run_nop },
	{ LODGE_X86_MAP_0F, 0x40, 0x4f, 0, false, run_cmov },
	{ LODGE_X86_MAP_0F, 0x90, 0x9f, 0, false, run_set },
	{ LODGE_X86_MAP_0F, 0xae, 0xae, 0xc0, false, run_cache_line },
	{ LODGE_X86_MAP_0F, 0xb6, 0xb7, 0, false, run_extend },
	{ LODGE_X86_MAP_0F, 0xbe, 0xbf, 0, false, run_extend },
	{ LODGE_X86_MAP_0F, 0xc3, 0xc3, 0, false, run_movnti },
	{ }
};
