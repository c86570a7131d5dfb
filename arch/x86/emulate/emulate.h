/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86 instruction decoder and emulator: what SVM with nested paging leaves to
 * software. It knows neither VM nor vCPU: memory, ports and vector registers
 * are reached through the caller's operations, so it builds in user space.
 *
 * Protocol of lodge_x86_emulate()
 *
 * 1. The caller fills gpr, rip, rflags, mode, cpl, cr0, cr4, xcr0, ops, ctx, and
 *    bytes/nr_bytes with what it already has of the instruction (0 is fine: the
 *    rest is fetched with ops->read and LODGE_EMU_FETCH).
 * 2. One call does one instruction, or up to max_iterations iterations of a
 *    repeated string instruction. While RCX is not 0 RIP stays on it.
 * 3. Result:
 *    CONTINUE      gpr, rip and rflags hold the state after the instruction or
 *                  after the last whole iteration. retired says whether RIP
 *                  moved past the instruction; if not, call again or enter the
 *                  guest, which repeats the instruction from consistent state.
 *    FAULT         exception is to be injected. Registers are those before the
 *                  instruction (or after the last whole iteration).
 *    IO_NEEDED     user space must supply data first. Registers as for FAULT.
 *    UNHANDLEABLE  this unit does not do this instruction; bytes/nr_bytes
 *                  go out with KVM_EXIT_INTERNAL_ERROR. Registers as for FAULT.
 *
 * Data from user space. A read callback that reaches a device returns
 * IO_NEEDED; the caller asks user space for it (in fragments of up to 8 bytes),
 * appends the answer to a log and calls again with the same registers: the
 * emulator makes the same accesses in the same order, and the callback answers
 * those that are in the log from there. A write callback that reaches a device
 * appends fragments to a second list and returns CONTINUE; the caller hands
 * them out only after lodge_x86_emulate() returned CONTINUE, and drops them
 * for any other result. So every device access is done exactly once, in order.
 * Both lists belong to one instruction or iteration: a callback that
 * takes from the log or adds to the write list must set stop, which ends a
 * repeated instruction after the present iteration, and the caller empties
 * both lists once the call returned CONTINUE or FAULT.
 *
 * Before a device read whose data goes to memory, the destination has been
 * checked with ops->check, so that data is not lost to a fault.
 */
#ifndef LODGE_X86_EMULATE_H
#define LODGE_X86_EMULATE_H

#include <linux/types.h>

#define LODGE_X86_MAX_INSN	15

/* What the processor's mode means to decoding. Compatibility mode is PROT16 or PROT32. */
enum lodge_x86_mode {
	LODGE_X86_REAL16,	/* CR0.PE = 0 */
	LODGE_X86_REAL32,	/* CR0.PE = 0 and CS.D still set from protected mode */
	LODGE_X86_VM86,
	LODGE_X86_PROT16,
	LODGE_X86_PROT32,
	LODGE_X86_LONG64,
};

enum lodge_x86_map {
	LODGE_X86_MAP_1,	/* one-byte opcodes */
	LODGE_X86_MAP_0F,
	LODGE_X86_MAP_0F38,
	LODGE_X86_MAP_0F3A,
};

/* The order of the segment registers' encoding. */
enum lodge_x86_seg {
	LODGE_X86_ES,
	LODGE_X86_CS,
	LODGE_X86_SS,
	LODGE_X86_DS,
	LODGE_X86_FS,
	LODGE_X86_GS,
	LODGE_X86_NR_SEGS,
};

enum lodge_x86_gpr {
	LODGE_X86_RAX,
	LODGE_X86_RCX,
	LODGE_X86_RDX,
	LODGE_X86_RBX,
	LODGE_X86_RSP,
	LODGE_X86_RBP,
	LODGE_X86_RSI,
	LODGE_X86_RDI,
	LODGE_X86_NR_GPRS = 16,
};

#define LODGE_X86_NO_REG	0xff

/**
 * struct lodge_x86_insn - one decoded instruction
 * @length: bytes, 1 to 15
 * @map: opcode map
 * @opcode: last opcode byte
 * @attr: opcode attributes, private to the decoder and the emulator
 * @modrm: the ModRM byte, valid if @has_modrm
 * @mod: ModRM.mod
 * @reg: ModRM.reg with REX.R or VEX.R
 * @rm: ModRM.rm with REX.B or VEX.B (a register if @mod is 3)
 * @base: base register of the memory operand, or LODGE_X86_NO_REG
 * @index: index register, or LODGE_X86_NO_REG
 * @scale: log2 of the index's factor
 * @op_bytes: operand size by mode, prefixes and REX.W: 2, 4 or 8 (byte opcodes do not change it)
 * @addr_bytes: address size: 2, 4 or 8
 * @stack_64: push, pop and near branches: operand size is 8 unless 0x66 makes it 2
 * @seg: segment of the memory operand, override included
 * @seg_override: a segment override prefix took effect
 * @rex: REX byte or 0
 * @prefix_66: operand size prefix seen (or VEX.pp says so)
 * @prefix_67: address size prefix seen
 * @rep: last of F2/F3: 0, 0xf2 or 0xf3 (or as VEX.pp says)
 * @lock: LOCK prefix seen
 * @has_modrm: a ModRM byte is there
 * @rip_relative: memory operand is relative to the next instruction
 * @vex: VEX encoded
 * @vex_l: VEX.L (256 bits)
 * @vex_w: VEX.W or REX.W
 * @vex_vvvv: VEX.vvvv as a register number
 * @imm_bytes: bytes of @imm in the instruction
 * @disp: displacement, sign extended (moffs: the address)
 * @imm: immediate, sign extended (far pointers: the offset)
 * @imm2: second immediate: ENTER's level, far pointers' selector
 */
struct lodge_x86_insn {
	u8 length;
	u8 map;
	u8 opcode;
	u8 modrm;
	u8 mod;
	u8 reg;
	u8 rm;
	u8 base;
	u8 index;
	u8 scale;
	u8 op_bytes;
	u8 addr_bytes;
	u8 seg;
	u8 rex;
	u8 rep;
	u8 vex_vvvv;
	u8 imm_bytes;
	bool stack_64;
	bool seg_override;
	bool prefix_66;
	bool prefix_67;
	bool lock;
	bool has_modrm;
	bool rip_relative;
	bool vex;
	bool vex_l;
	bool vex_w;
	u32 attr;
	s64 disp;
	u64 imm;
	u16 imm2;
};

int lodge_x86_decode(struct lodge_x86_insn *insn, const u8 *bytes, unsigned int n,
		     enum lodge_x86_mode mode);
int lodge_x86_insn_length(const u8 *bytes, unsigned int n, enum lodge_x86_mode mode);
enum lodge_x86_mode lodge_x86_mode(bool cr0_pe, bool rflags_vm, bool lma, bool cs_l, bool cs_d);

enum lodge_emu_result {
	LODGE_EMU_CONTINUE,
	LODGE_EMU_FAULT,
	LODGE_EMU_IO_NEEDED,
	LODGE_EMU_UNHANDLEABLE,
};

/* Access: READ | WRITE is the read of a read-modify-write, which faults as a write does. */
#define LODGE_EMU_READ		0x1
#define LODGE_EMU_WRITE		0x2
#define LODGE_EMU_FETCH		0x4

struct lodge_x86_exception {
	u8 vector;
	bool has_error_code;
	u32 error_code;
	u64 cr2;		/* page faults: the linear address */
};

/* A segment register's hidden part; limit in bytes (granularity applied), type as in memory. */
struct lodge_x86_segment {
	u64 base;
	u32 limit;
	u16 selector;
	u8 type;
	u8 dpl;
	bool present;		/* false also for an unusable (null) segment */
	bool code_or_data;	/* descriptor's S bit */
	bool db;
	bool l;
	bool g;
};

struct lodge_x86_emulator;

/**
 * struct lodge_x86_emu_ops - what the emulator needs from its caller
 * @read: read @bytes at a linear address. 1 to 32 bytes may cross pages; string output
 *	reads up to LODGE_EMU_BUFFER within a page. Access is LODGE_EMU_READ,
 *	LODGE_EMU_READ | LODGE_EMU_WRITE or LODGE_EMU_FETCH.
 * @write: write @bytes at a linear address, the same sizes; if it crosses pages both are
 *	checked before either is changed.
 * @check: would this access succeed? No data moves; a device address is success.
 * @cmpxchg: atomically replace *@old by *@new if memory holds *@old; *@old becomes what memory
 *	held. Sizes 1, 2, 4, 8, 16. A device address: a plain write fragment, *@old unchanged.
 * @pio_in: @count elements of @size from a port. Asked for again, with the same arguments,
 *	after IO_NEEDED.
 * @pio_out: @count elements to a port; the data is taken over, CONTINUE means accepted. Must
 *	set stop if user space has to see it before the next.
 * @check_io: is the port allowed by the TSS bitmap (asked only if CPL > IOPL or in VM86 mode)?
 *	NULL: such instructions are unhandleable.
 * @get_seg: hidden part of a segment register
 * @set_seg: load a segment register, used in real and VM86 mode only; NULL: unhandleable
 * @get_sse: low @bytes (16 or 32) of vector register @n
 * @set_sse: 16: low 16 bytes change, the rest stays; 32: low 32 bytes change, all above is zeroed.
 *	Cannot fail. NULL (either): vector instructions are unhandleable.
 *
 * Callbacks return an enum lodge_emu_result. FAULT: e->exception is filled and nothing changed.
 * No reference to @data outlives the call. All may sleep if lodge_x86_emulate()'s caller may.
 */
struct lodge_x86_emu_ops {
	int (*read)(struct lodge_x86_emulator *e, u64 linear, void *data, unsigned int bytes,
		    unsigned int access);
	int (*write)(struct lodge_x86_emulator *e, u64 linear, const void *data,
		     unsigned int bytes);
	int (*check)(struct lodge_x86_emulator *e, u64 linear, unsigned int bytes,
		     unsigned int access);
	int (*cmpxchg)(struct lodge_x86_emulator *e, u64 linear, void *old, const void *new,
		       unsigned int bytes);
	int (*pio_in)(struct lodge_x86_emulator *e, u16 port, unsigned int size,
		      unsigned int count, void *data);
	int (*pio_out)(struct lodge_x86_emulator *e, u16 port, unsigned int size,
		       unsigned int count, const void *data);
	int (*check_io)(struct lodge_x86_emulator *e, u16 port, unsigned int size);
	void (*get_seg)(struct lodge_x86_emulator *e, enum lodge_x86_seg seg,
			struct lodge_x86_segment *out);
	int (*set_seg)(struct lodge_x86_emulator *e, enum lodge_x86_seg seg,
		       const struct lodge_x86_segment *in);
	void (*get_sse)(struct lodge_x86_emulator *e, unsigned int n, void *data,
			unsigned int bytes);
	void (*set_sse)(struct lodge_x86_emulator *e, unsigned int n, const void *data,
			unsigned int bytes);
};

#define LODGE_EMU_BUFFER	1024	/* bytes of string I/O moved at once */

/* The registers an instruction may change. */
struct lodge_x86_saved {
	u64 gpr[LODGE_X86_NR_GPRS];
	u64 rip;
	u64 rflags;
};

/**
 * struct lodge_x86_emulator - registers and context of one emulation
 * @ops: the caller's operations
 * @ctx: the caller's, untouched
 * @gpr: general registers by encoding
 * @rip: instruction pointer (an offset into CS)
 * @rflags: RFLAGS. TF, RF and debug registers are the caller's business
 * @cr0: for EM, TS, AM
 * @cr4: for OSFXSR, OSXSAVE, LA57
 * @xcr0: for AVX
 * @mode: decoding mode
 * @cpl: current privilege level
 * @max_iterations: of a repeated string instruction in one call; 0, or RFLAGS.TF, is 1. A block
 *	of port data (one page and LODGE_EMU_BUFFER at most) counts as one.
 * @nr_bytes: valid bytes in @bytes; only grows
 * @bytes: instruction bytes from RIP on
 * @insn: the decoded instruction
 * @again: private: the mode, plus one, if @insn waits for data; 0: it is to be decoded
 * @exception: filled for LODGE_EMU_FAULT
 * @stop: set by callbacks: end a repeated instruction after this iteration
 * @retired: RIP moved past the instruction
 * @shadow: the instruction blocks interrupts until the next has retired
 * @saved: private: what to go back to when an instruction does not complete
 * @buffer: scratch for string I/O
 *
 * About 1.5 KiB: allocate with the vCPU, not on the stack. After a re-run following IO_NEEDED
 * everything but @stop, @retired and @exception may be kept; a new instruction needs @nr_bytes
 * and @again reset.
 */
struct lodge_x86_emulator {
	const struct lodge_x86_emu_ops *ops;
	void *ctx;
	u64 gpr[LODGE_X86_NR_GPRS];
	u64 rip;
	u64 rflags;
	u64 cr0;
	u64 cr4;
	u64 xcr0;
	enum lodge_x86_mode mode;
	u8 cpl;
	u32 max_iterations;
	u8 nr_bytes;
	u8 bytes[LODGE_X86_MAX_INSN];
	struct lodge_x86_insn insn;
	u8 again;
	struct lodge_x86_exception exception;
	bool stop;
	bool retired;
	bool shadow;
	struct lodge_x86_saved saved;
	u8 buffer[LODGE_EMU_BUFFER];
};

int lodge_x86_emulate(struct lodge_x86_emulator *e);

#endif /* LODGE_X86_EMULATE_H */
