// SPDX-License-Identifier: GPL-2.0
/* Addition, subtraction, logic, and what is made of them: test, inc, neg, xadd, cmpxchg, adcx. */
#include <linux/string.h>
#include <linux/types.h>

#include "internal.h"

static bool parity_even(u8 byte)
{
	byte ^= byte >> 4;
	byte ^= byte >> 2;
	byte ^= byte >> 1;
	return !(byte & 1);
}

static u64 top_bit(u64 value, unsigned int bytes)
{
	return (value >> (8 * bytes - 1)) & 1;
}

/**
 * lodge_x86_alu_szp() - the flags that follow from a result alone
 * @result: it
 * @bytes: operand size
 *
 * Context: any.
 * Return: SF, ZF and PF.
 */
u64 lodge_x86_alu_szp(u64 result, unsigned int bytes)
{
	result &= lodge_x86_mask(bytes);
	return lodge_x86_flag_if(top_bit(result, bytes), LODGE_X86_SF) |
	       lodge_x86_flag_if(!result, LODGE_X86_ZF) |
	       lodge_x86_flag_if(parity_even(result), LODGE_X86_PF);
}

static u64 add(struct lodge_x86_emulator *e, u64 a, u64 b, u64 carry, unsigned int bytes)
{
	u64 r = a + b + carry;
	u64 carries = (a & b) | ((a | b) & ~r);
	u64 flags = lodge_x86_alu_szp(r, bytes);

	flags |= lodge_x86_flag_if(top_bit(carries, bytes), LODGE_X86_CF);
	flags |= lodge_x86_flag_if(top_bit((a ^ r) & (b ^ r), bytes), LODGE_X86_OF);
	flags |= (a ^ b ^ r) & LODGE_X86_AF;
	lodge_x86_set_flags(e, LODGE_X86_ARITH, flags);
	return r;
}

static u64 sub(struct lodge_x86_emulator *e, u64 a, u64 b, u64 borrow, unsigned int bytes)
{
	u64 r = a - b - borrow;
	u64 borrows = (~a & b) | ((~a | b) & r);
	u64 flags = lodge_x86_alu_szp(r, bytes);

	flags |= lodge_x86_flag_if(top_bit(borrows, bytes), LODGE_X86_CF);
	flags |= lodge_x86_flag_if(top_bit((a ^ b) & (a ^ r), bytes), LODGE_X86_OF);
	flags |= (a ^ b ^ r) & LODGE_X86_AF;
	lodge_x86_set_flags(e, LODGE_X86_ARITH, flags);
	return r;
}

static u64 logic(struct lodge_x86_emulator *e, u64 r, unsigned int bytes)
{
	lodge_x86_set_flags(e, LODGE_X86_ARITH, lodge_x86_alu_szp(r, bytes));
	return r;
}

/**
 * lodge_x86_alu_compute() - one of the eight basic operations, flags included
 * @e: emulator
 * @op: which
 * @a: first operand, zero extended
 * @b: second operand; bits beyond the size are ignored
 * @bytes: operand size
 *
 * Context: any.
 * Return: the result; bits beyond the size are undefined.
 */
u64 lodge_x86_alu_compute(struct lodge_x86_emulator *e, enum lodge_x86_alu_op op, u64 a, u64 b,
			  unsigned int bytes)
{
	u64 carry = e->rflags & LODGE_X86_CF;

	b &= lodge_x86_mask(bytes);
	switch (op) {
	case LODGE_X86_ADD:
		return add(e, a, b, 0, bytes);
	case LODGE_X86_OR:
		return logic(e, a | b, bytes);
	case LODGE_X86_ADC:
		return add(e, a, b, carry, bytes);
	case LODGE_X86_SBB:
		return sub(e, a, b, carry, bytes);
	case LODGE_X86_AND:
		return logic(e, a & b, bytes);
	case LODGE_X86_SUB:
	case LODGE_X86_CMP:
		return sub(e, a, b, 0, bytes);
	case LODGE_X86_XOR:
		return logic(e, a ^ b, bytes);
	}
	return 0;
}

static int apply_to_rm(struct lodge_x86_emulator *e, enum lodge_x86_alu_op op, u64 b)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 a, result;
	int r;

	if (op == LODGE_X86_CMP)
		r = lodge_x86_operand_read(e, bytes, &a);
	else
		r = lodge_x86_operand_read_modify(e, bytes, &a);
	if (r)
		return r;
	result = lodge_x86_alu_compute(e, op, a, b, bytes);
	if (op == LODGE_X86_CMP)
		return LODGE_EMU_CONTINUE;
	return lodge_x86_operand_update(e, bytes, a, result);
}

static void apply_to_reg(struct lodge_x86_emulator *e, unsigned int reg, u64 b)
{
	enum lodge_x86_alu_op op = (e->insn.opcode >> 3) & 7;
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 result = lodge_x86_alu_compute(e, op, lodge_x86_operand_reg(e, reg, bytes), b, bytes);

	if (op != LODGE_X86_CMP)
		lodge_x86_operand_set_reg(e, reg, bytes, result);
}

/* 00 to 3f: the opcode holds the operation and which operand is where. */
static int run_basic(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 b;
	int r;

	switch (e->insn.opcode & 7) {
	case 0 ... 1:
		b = lodge_x86_operand_reg(e, e->insn.reg, bytes);
		return apply_to_rm(e, (e->insn.opcode >> 3) & 7, b);
	case 2 ... 3:
		r = lodge_x86_operand_read(e, bytes, &b);
		if (!r)
			apply_to_reg(e, e->insn.reg, b);
		return r;
	case 4 ... 5:
		apply_to_reg(e, LODGE_X86_RAX, e->insn.imm);
		return LODGE_EMU_CONTINUE;
	}
	return LODGE_EMU_UNHANDLEABLE;
}

static int run_group1(struct lodge_x86_emulator *e)
{
	return apply_to_rm(e, lodge_x86_group(e), e->insn.imm);
}

static int test_rm(struct lodge_x86_emulator *e, u64 b)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 a;
	int r = lodge_x86_operand_read(e, bytes, &a);

	if (!r)
		lodge_x86_alu_compute(e, LODGE_X86_AND, a, b, bytes);
	return r;
}

static int run_test(struct lodge_x86_emulator *e)
{
	return test_rm(e, lodge_x86_operand_reg(e, e->insn.reg, lodge_x86_operand_bytes(e)));
}

static int run_test_imm(struct lodge_x86_emulator *e)
{
	return test_rm(e, e->insn.imm);
}

static int run_test_accumulator(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);

	lodge_x86_alu_compute(e, LODGE_X86_AND, lodge_x86_operand_reg(e, LODGE_X86_RAX, bytes),
			      e->insn.imm, bytes);
	return LODGE_EMU_CONTINUE;
}

/* Carry is what inc and dec leave alone. */
static u64 step(struct lodge_x86_emulator *e, bool down, u64 value, unsigned int bytes)
{
	u64 carry = e->rflags & LODGE_X86_CF;
	u64 result;

	result = lodge_x86_alu_compute(e, down ? LODGE_X86_SUB : LODGE_X86_ADD, value, 1, bytes);
	lodge_x86_set_flags(e, LODGE_X86_CF, carry);
	return result;
}

static u64 not_or_neg(struct lodge_x86_emulator *e, u64 value, unsigned int bytes)
{
	if (lodge_x86_group(e) == 2)
		return ~value;
	return lodge_x86_alu_compute(e, LODGE_X86_SUB, 0, value, bytes);
}

/* inc, dec (group 4 and 5), not, neg (group 3) */
static int run_unary(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 value, result;
	int r = lodge_x86_operand_read_modify(e, bytes, &value);

	if (r)
		return r;
	if (e->insn.opcode >= 0xfe)
		result = step(e, lodge_x86_group(e), value, bytes);
	else
		result = not_or_neg(e, value, bytes);
	return lodge_x86_operand_update(e, bytes, value, result);
}

static int run_step_reg(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.op_bytes, reg = e->insn.opcode & 7;
	u64 value = lodge_x86_operand_reg(e, reg, bytes);

	lodge_x86_operand_set_reg(e, reg, bytes, step(e, e->insn.opcode & 8, value, bytes));
	return LODGE_EMU_CONTINUE;
}

/* Of one register twice the sum stays, so it is written last; memory needs the old address. */
static int run_xadd(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 addend = lodge_x86_operand_reg(e, e->insn.reg, bytes);
	u64 old, sum;
	int r = lodge_x86_operand_read_modify(e, bytes, &old);

	if (r)
		return r;
	sum = lodge_x86_alu_compute(e, LODGE_X86_ADD, old, addend, bytes);
	if (lodge_x86_is_memory(e))
		r = lodge_x86_operand_update(e, bytes, old, sum);
	lodge_x86_operand_set_reg(e, e->insn.reg, bytes, old);
	if (!lodge_x86_is_memory(e))
		lodge_x86_operand_set_reg(e, e->insn.rm, bytes, sum);
	return r;
}

/* Memory is written in either case, as the processor does; a register only if equal. */
static int run_cmpxchg(struct lodge_x86_emulator *e)
{
	unsigned int bytes = lodge_x86_operand_bytes(e);
	u64 expected = lodge_x86_operand_reg(e, LODGE_X86_RAX, bytes);
	u64 new = lodge_x86_operand_reg(e, e->insn.reg, bytes);
	u64 old;
	int r = lodge_x86_operand_read_modify(e, bytes, &old);

	if (r)
		return r;
	lodge_x86_alu_compute(e, LODGE_X86_CMP, expected, old, bytes);
	if (old == expected || lodge_x86_is_memory(e))
		r = lodge_x86_operand_update(e, bytes, old, old == expected ? new : old);
	if (old != expected)
		lodge_x86_operand_set_reg(e, LODGE_X86_RAX, bytes, old);
	return r;
}

struct pair {
	u64 low;
	u64 high;
};

static void pair_to_memory(const struct pair *p, unsigned int half, u8 *data)
{
	memcpy(data, &p->low, half);
	memcpy(data + half, &p->high, half);
}

static int write_pair(struct lodge_x86_emulator *e, u64 linear, const struct pair *old,
		      const struct pair *new, unsigned int half)
{
	u8 seen[16], was[16], data[16];
	int r;

	pair_to_memory(new, half, data);
	if (!e->insn.lock)
		return e->ops->write(e, linear, data, 2 * half);
	pair_to_memory(old, half, was);
	memcpy(seen, was, 2 * half);
	r = e->ops->cmpxchg(e, linear, seen, data, 2 * half);
	if (!r && memcmp(seen, was, 2 * half))
		r = LODGE_EMU_RETRY;
	return r;
}

static int exchange_pair(struct lodge_x86_emulator *e, u64 linear, unsigned int half)
{
	struct pair new = { e->gpr[LODGE_X86_RBX], e->gpr[LODGE_X86_RCX] };
	struct pair old = { 0, 0 };
	u8 data[16];
	bool equal;
	int r = e->ops->read(e, linear, data, 2 * half, LODGE_EMU_READ | LODGE_EMU_WRITE);

	if (r)
		return r;
	memcpy(&old.low, data, half);
	memcpy(&old.high, data + half, half);
	equal = old.low == lodge_x86_operand_reg(e, LODGE_X86_RAX, half) &&
		old.high == lodge_x86_operand_reg(e, LODGE_X86_RDX, half);
	r = write_pair(e, linear, &old, equal ? &new : &old, half);
	lodge_x86_set_flags(e, LODGE_X86_ZF, lodge_x86_flag_if(equal, LODGE_X86_ZF));
	if (!equal) {
		lodge_x86_operand_set_reg(e, LODGE_X86_RAX, half, old.low);
		lodge_x86_operand_set_reg(e, LODGE_X86_RDX, half, old.high);
	}
	return r;
}

/* cmpxchg8b, and cmpxchg16b, which wants its operand aligned */
static int run_cmpxchg_pair(struct lodge_x86_emulator *e)
{
	unsigned int half = e->insn.op_bytes == 8 ? 8 : 4;
	unsigned int access = LODGE_EMU_READ | LODGE_EMU_WRITE;
	u64 offset = lodge_x86_operand_address(e), linear;
	int r;

	if (!lodge_x86_is_memory(e))
		return lodge_x86_operand_raise(e, LODGE_X86_VECTOR_UD);
	if (half == 8)
		r = lodge_x86_operand_aligned(e, e->insn.seg, offset, 16, access, &linear);
	else
		r = lodge_x86_operand_linear(e, e->insn.seg, offset, 8, access, &linear);
	return r ?: exchange_pair(e, linear, half);
}

/* adcx (66) carries through CF alone, adox (F3) through OF alone. */
static int run_adx(struct lodge_x86_emulator *e)
{
	unsigned int bytes = e->insn.vex_w ? 8 : 4;
	u64 flag = e->insn.rep == 0xf3 ? LODGE_X86_OF : LODGE_X86_CF;
	u64 a = lodge_x86_operand_reg(e, e->insn.reg, bytes);
	u64 b, sum;
	int r;

	if (e->insn.rep == 0xf2 || (!e->insn.rep && !e->insn.prefix_66))
		return LODGE_EMU_UNHANDLEABLE;
	r = lodge_x86_operand_read(e, bytes, &b);
	if (r)
		return r;
	sum = a + b + !!(e->rflags & flag);
	lodge_x86_set_flags(e, flag, lodge_x86_flag_if(top_bit((a & b) | ((a | b) & ~sum), bytes),
						       flag));
	lodge_x86_operand_set_reg(e, e->insn.reg, bytes, sum);
	return LODGE_EMU_CONTINUE;
}

const struct lodge_x86_handler lodge_x86_alu_handlers[] = {
	{ LODGE_X86_MAP_1, 0x00, 0x05, 0, false, run_basic },
	{ LODGE_X86_MAP_1, 0x08, 0x0d, 0, false, run_basic },
	{ LODGE_X86_MAP_1, 0x10, 0x15, 0, false, run_basic },
	{ LODGE_X86_MAP_1, 0x18, 0x1d, 0, false, run_basic },
	{ LODGE_X86_MAP_1, 0x20, 0x25, 0, false, run_basic },
	{ LODGE_X86_MAP_1, 0x28, 0x2d, 0, false, run_basic },
	{ LODGE_X86_MAP_1, 0x30, 0x35, 0, false, run_basic },
	{ LODGE_X86_MAP_1, 0x38, 0x3d, 0, false, run_basic },
	{ LODGE_X86_MAP_1, 0x40, 0x4f, 0, false, run_step_reg },
	{ LODGE_X86_MAP_1, 0x80, 0x83, 0, false, run_group1 },
	{ LODGE_X86_MAP_1, 0x84, 0x85, 0, false, run_test },
	{ LODGE_X86_MAP_1, 0xa8, 0xa9, 0, false, run_test_accumulator },
	{ LODGE_X86_MAP_1, 0xf6, 0xf7, 0x03, false, run_test_imm },
	{ LODGE_X86_MAP_1, 0xf6, 0xf7, 0x0c, false, run_unary },
	{ LODGE_X86_MAP_1, 0xfe, 0xff, 0x03, false, run_unary },
	{ LODGE_X86_MAP_0F, 0xb0, 0xb1, 0, false, run_cmpxchg },
	{ LODGE_X86_MAP_0F, 0xc0, 0xc1, 0, false, run_xadd },
	{ LODGE_X86_MAP_0F, 0xc7, 0xc7, 0x02, false, run_cmpxchg_pair },
	{ LODGE_X86_MAP_0F38, 0xf6, 0xf6, 0, false, run_adx },
	{ }
};
