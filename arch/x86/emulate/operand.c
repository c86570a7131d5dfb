// SPDX-License-Identifier: GPL-2.0
/* Operands: registers, addresses, segment checks, and memory through the caller's operations. */
#include <linux/string.h>
#include <linux/types.h>

#include "internal.h"

#define CR0_AM		(1ull << 18)
#define CR4_LA57	(1ull << 12)

#define TYPE_CODE	0x8
#define TYPE_DOWN	0x4	/* data: expand down */
#define TYPE_WRITE	0x2	/* data: writable */
#define TYPE_READ	0x2	/* code: readable */

/**
 * lodge_x86_operand_raise() - prepare an exception with error code 0, if it has one
 * @e: emulator
 * @vector: #DE, #UD, #NM, #SS, #GP or #AC
 *
 * In real mode exceptions push no error code.
 * Context: any.
 * Return: LODGE_EMU_FAULT.
 */
int lodge_x86_operand_raise(struct lodge_x86_emulator *e, u8 vector)
{
	bool real = e->mode == LODGE_X86_REAL16 || e->mode == LODGE_X86_REAL32;

	memset(&e->exception, 0, sizeof(e->exception));
	e->exception.vector = vector;
	e->exception.has_error_code = vector >= LODGE_X86_VECTOR_SS && !real;
	return LODGE_EMU_FAULT;
}

/**
 * lodge_x86_operand_bytes() - operand size of the instruction, byte opcodes included
 * @e: emulator
 *
 * Context: any.
 * Return: 1, 2, 4 or 8.
 */
unsigned int lodge_x86_operand_bytes(const struct lodge_x86_emulator *e)
{
	return e->insn.attr & LODGE_X86_OP_BYTE ? 1 : e->insn.op_bytes;
}

/* Without REX, byte registers 4 to 7 are the second bytes of the first four. */
static bool is_high_byte(const struct lodge_x86_emulator *e, unsigned int n, unsigned int bytes)
{
	return bytes == 1 && n >= 4 && n < 8 && !e->insn.rex && !e->insn.vex;
}

/**
 * lodge_x86_operand_reg() - read a general register
 * @e: emulator
 * @n: its number in the encoding
 * @bytes: operand size
 *
 * Context: any.
 * Return: the value, zero extended.
 */
u64 lodge_x86_operand_reg(const struct lodge_x86_emulator *e, unsigned int n, unsigned int bytes)
{
	if (is_high_byte(e, n, bytes))
		return (e->gpr[n - 4] >> 8) & 0xff;
	return e->gpr[n] & lodge_x86_mask(bytes);
}

/**
 * lodge_x86_operand_set_reg() - write a general register
 * @e: emulator
 * @n: its number in the encoding
 * @bytes: operand size; 4 clears the upper half, 1 and 2 leave the rest alone
 * @value: the value; bits beyond the size are ignored
 *
 * Context: any.
 */
void lodge_x86_operand_set_reg(struct lodge_x86_emulator *e, unsigned int n, unsigned int bytes,
			       u64 value)
{
	u64 mask = lodge_x86_mask(bytes);

	if (is_high_byte(e, n, bytes))
		e->gpr[n - 4] = (e->gpr[n - 4] & ~0xff00ull) | (value & 0xff) << 8;
	else if (bytes == 4)
		e->gpr[n] = value & mask;
	else
		e->gpr[n] = (e->gpr[n] & ~mask) | (value & mask);
}

/**
 * lodge_x86_operand_address() - the memory operand's offset into its segment
 * @e: emulator; RIP is on the next instruction
 *
 * Context: any.
 * Return: the offset, wrapped at the address size.
 */
u64 lodge_x86_operand_address(const struct lodge_x86_emulator *e)
{
	const struct lodge_x86_insn *insn = &e->insn;
	u64 address = insn->disp;

	if (insn->rip_relative)
		address += e->rip;
	if (insn->base != LODGE_X86_NO_REG)
		address += e->gpr[insn->base];
	if (insn->index != LODGE_X86_NO_REG)
		address += e->gpr[insn->index] << insn->scale;
	return address & lodge_x86_mask(insn->addr_bytes);
}

static int segment_fault(struct lodge_x86_emulator *e, enum lodge_x86_seg seg)
{
	return lodge_x86_operand_raise(e, seg == LODGE_X86_SS ? LODGE_X86_VECTOR_SS :
							      LODGE_X86_VECTOR_GP);
}

static bool is_canonical(const struct lodge_x86_emulator *e, u64 address)
{
	unsigned int unused = e->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(address << unused) >> unused) == address;
}

static int linear_long(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
		       unsigned int bytes, u64 *linear)
{
	struct lodge_x86_segment s;

	*linear = offset;
	if (seg == LODGE_X86_FS || seg == LODGE_X86_GS) {
		e->ops->get_seg(e, seg, &s);
		*linear += s.base;
	}
	if (!is_canonical(e, *linear) || !is_canonical(e, *linear + bytes - 1))
		return segment_fault(e, seg);
	return LODGE_EMU_CONTINUE;
}

/* Fetches have passed the checks of whoever loaded CS. */
static bool type_allows(const struct lodge_x86_segment *s, unsigned int access)
{
	if (!s->present || !s->code_or_data)
		return false;
	if (access & LODGE_EMU_FETCH)
		return true;
	if (s->type & TYPE_CODE)
		return !(access & LODGE_EMU_WRITE) && (s->type & TYPE_READ);
	return !(access & LODGE_EMU_WRITE) || (s->type & TYPE_WRITE);
}

static bool within_limit(const struct lodge_x86_segment *s, u32 offset, unsigned int bytes)
{
	u64 last = (u64)offset + bytes - 1;

	if ((s->type & (TYPE_CODE | TYPE_DOWN)) == TYPE_DOWN)
		return offset > s->limit && last <= (s->db ? 0xffffffffu : 0xffffu);
	return last <= s->limit;
}

static int linear_legacy(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			 unsigned int bytes, unsigned int access, u64 *linear)
{
	bool protected = e->mode == LODGE_X86_PROT16 || e->mode == LODGE_X86_PROT32;
	struct lodge_x86_segment s;

	e->ops->get_seg(e, seg, &s);
	if (protected && !type_allows(&s, access))
		return segment_fault(e, seg);
	if (!within_limit(&s, offset, bytes))
		return segment_fault(e, seg);
	*linear = (u32)(s.base + offset);
	return LODGE_EMU_CONTINUE;
}

/* Nothing is checked for more than 16 bytes of alignment. */
static bool is_misaligned(const struct lodge_x86_emulator *e, u64 linear, unsigned int bytes)
{
	bool checked = e->cpl == 3 && (e->cr0 & CR0_AM) && (e->rflags & LODGE_X86_AC);

	return checked && (linear & ((bytes < 16 ? bytes : 16) - 1));
}

static int translate(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
		     unsigned int bytes, unsigned int access, u64 *linear)
{
	if (e->mode == LODGE_X86_LONG64)
		return linear_long(e, seg, offset, bytes, linear);
	return linear_legacy(e, seg, offset, bytes, access, linear);
}

/**
 * lodge_x86_operand_linear() - apply segmentation
 * @e: emulator
 * @seg: segment register
 * @offset: offset into it
 * @bytes: size of the access
 * @access: LODGE_EMU_READ, WRITE, FETCH
 * @linear: filled
 *
 * Context: as the get_seg operation.
 * Return: LODGE_EMU_CONTINUE, or LODGE_EMU_FAULT with #GP, #SS or #AC.
 */
int lodge_x86_operand_linear(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			     unsigned int bytes, unsigned int access, u64 *linear)
{
	int r = translate(e, seg, offset, bytes, access, linear);

	if (!r && !(access & LODGE_EMU_FETCH) && is_misaligned(e, *linear, bytes))
		r = lodge_x86_operand_raise(e, LODGE_X86_VECTOR_AC);
	return r;
}

/**
 * lodge_x86_operand_aligned() - apply segmentation for an instruction that demands alignment
 * @e: emulator
 * @seg: segment register
 * @offset: offset into it
 * @bytes: size of the access and its alignment
 * @access: LODGE_EMU_READ, WRITE
 * @linear: filled
 *
 * Context: as the get_seg operation.
 * Return: LODGE_EMU_CONTINUE, or LODGE_EMU_FAULT with #GP or #SS; #GP comes before #AC.
 */
int lodge_x86_operand_aligned(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			      unsigned int bytes, unsigned int access, u64 *linear)
{
	int r = translate(e, seg, offset, bytes, access, linear);

	if (!r && (*linear & (bytes - 1)))
		r = lodge_x86_operand_raise(e, LODGE_X86_VECTOR_GP);
	return r;
}

/**
 * lodge_x86_operand_load() - read memory
 * @e: emulator
 * @seg: segment register
 * @offset: offset into it
 * @data: filled
 * @bytes: 1 to 32
 * @access: LODGE_EMU_READ, with LODGE_EMU_WRITE if a write follows
 *
 * Context: as the read operation.
 * Return: enum lodge_emu_result.
 */
int lodge_x86_operand_load(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			   void *data, unsigned int bytes, unsigned int access)
{
	u64 linear;
	int r = lodge_x86_operand_linear(e, seg, offset, bytes, access, &linear);

	return r ?: e->ops->read(e, linear, data, bytes, access);
}

/**
 * lodge_x86_operand_store() - write memory
 * @e: emulator
 * @seg: segment register
 * @offset: offset into it
 * @data: what to write
 * @bytes: 1 to 32
 *
 * Context: as the write operation.
 * Return: enum lodge_emu_result.
 */
int lodge_x86_operand_store(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			    const void *data, unsigned int bytes)
{
	u64 linear;
	int r = lodge_x86_operand_linear(e, seg, offset, bytes, LODGE_EMU_WRITE, &linear);

	return r ?: e->ops->write(e, linear, data, bytes);
}

/**
 * lodge_x86_operand_check() - would an access succeed?
 * @e: emulator
 * @seg: segment register
 * @offset: offset into it
 * @bytes: 1 to 32
 * @access: LODGE_EMU_READ, LODGE_EMU_WRITE
 *
 * Context: as the check operation.
 * Return: enum lodge_emu_result.
 */
int lodge_x86_operand_check(struct lodge_x86_emulator *e, enum lodge_x86_seg seg, u64 offset,
			    unsigned int bytes, unsigned int access)
{
	u64 linear;
	int r = lodge_x86_operand_linear(e, seg, offset, bytes, access, &linear);

	return r ?: e->ops->check(e, linear, bytes, access);
}

static int read_operand(struct lodge_x86_emulator *e, unsigned int bytes, u64 *value,
			unsigned int access)
{
	*value = 0;
	if (lodge_x86_is_memory(e))
		return lodge_x86_operand_load(e, e->insn.seg, lodge_x86_operand_address(e), value,
					      bytes, access);
	*value = lodge_x86_operand_reg(e, e->insn.rm, bytes);
	return LODGE_EMU_CONTINUE;
}

/**
 * lodge_x86_operand_read() - read the ModRM.rm operand
 * @e: emulator
 * @bytes: its size
 * @value: filled, zero extended
 *
 * Context: as the read operation.
 * Return: enum lodge_emu_result.
 */
int lodge_x86_operand_read(struct lodge_x86_emulator *e, unsigned int bytes, u64 *value)
{
	return read_operand(e, bytes, value, LODGE_EMU_READ);
}

/**
 * lodge_x86_operand_read_modify() - read the ModRM.rm operand, to be followed by an update
 * @e: emulator
 * @bytes: its size
 * @value: filled, zero extended
 *
 * Context: as the read operation.
 * Return: enum lodge_emu_result.
 */
int lodge_x86_operand_read_modify(struct lodge_x86_emulator *e, unsigned int bytes, u64 *value)
{
	return read_operand(e, bytes, value, LODGE_EMU_READ | LODGE_EMU_WRITE);
}

static int update_locked(struct lodge_x86_emulator *e, unsigned int bytes, u64 old, u64 new)
{
	u64 linear, seen = old;
	int r;

	r = lodge_x86_operand_linear(e, e->insn.seg, lodge_x86_operand_address(e), bytes,
				     LODGE_EMU_WRITE, &linear);
	if (!r)
		r = e->ops->cmpxchg(e, linear, &seen, &new, bytes);
	if (!r && seen != old)
		r = LODGE_EMU_RETRY;
	return r;
}

/**
 * lodge_x86_operand_update() - write back the ModRM.rm operand, atomically under LOCK
 * @e: emulator; the registers that make the address have not changed since the read
 * @bytes: its size
 * @old: what lodge_x86_operand_read_modify() gave
 * @new: what it shall be
 *
 * Context: as the write and cmpxchg operations.
 * Return: enum lodge_emu_result, or LODGE_EMU_RETRY if memory changed meanwhile.
 */
int lodge_x86_operand_update(struct lodge_x86_emulator *e, unsigned int bytes, u64 old, u64 new)
{
	new &= lodge_x86_mask(bytes);
	if (e->insn.lock && lodge_x86_is_memory(e))
		return update_locked(e, bytes, old, new);
	return lodge_x86_operand_write(e, bytes, new);
}

/**
 * lodge_x86_operand_write() - write the ModRM.rm operand
 * @e: emulator
 * @bytes: its size
 * @value: bits beyond the size are ignored
 *
 * Context: as the write operation.
 * Return: enum lodge_emu_result.
 */
int lodge_x86_operand_write(struct lodge_x86_emulator *e, unsigned int bytes, u64 value)
{
	if (lodge_x86_is_memory(e))
		return lodge_x86_operand_store(e, e->insn.seg, lodge_x86_operand_address(e),
					       &value, bytes);
	lodge_x86_operand_set_reg(e, e->insn.rm, bytes, value);
	return LODGE_EMU_CONTINUE;
}
