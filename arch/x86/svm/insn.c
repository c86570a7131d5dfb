// SPDX-License-Identifier: GPL-2.0
/*
 * The intercepted instruction, for processors that do not say its length.
 *
 * Nothing is assumed: the bytes are read and decoded. If another vCPU has
 * rewritten them since the exit, they no longer are the intercepted
 * instruction, and the guest simply executes what is there now.
 */
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <asm/processor-flags.h>
#include <asm/tsc.h>

#include "emulate/emulate.h"
#include "events.h"
#include "regs.h"
#include "svm/svm.h"
#include "svm/vmcb.h"
#include "vcpu.h"
#include "vm.h"
#include "walk.h"

static bool measure_fetch;
module_param(measure_fetch, bool, 0644);
MODULE_PARM_DESC(measure_fetch, "count TSC cycles spent on reading instructions without NRIPS (statistic insn_fetch_cycles)");

static enum lodge_x86_mode mode_of(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	return lodge_x86_mode(save->cr0 & X86_CR0_PE, save->rflags & X86_EFLAGS_VM,
			      vcpu->arch.efer & EFER_LMA, save->cs.attrib & BIT(9), save->cs.attrib & BIT(10));
}

static unsigned int fetch_atomic(struct lodge_vcpu *vcpu, u8 bytes[LODGE_WALK_FETCH])
{
	unsigned int n;
	int idx;

	idx = srcu_read_lock(&vcpu->vm->srcu);
	n = lodge_walk_fetch_atomic(vcpu, bytes);
	srcu_read_unlock(&vcpu->vm->srcu, idx);
	return n;
}

/**
 * lodge_svm_decode_atomic() - read and decode the instruction at rip without sleeping
 * @vcpu: the vCPU
 * @insn: out
 *
 * Context: any; takes the VM's SRCU. Return: false if the bytes cannot be read here or are no instruction.
 */
bool lodge_svm_decode_atomic(struct lodge_vcpu *vcpu, struct lodge_x86_insn *insn)
{
	u8 bytes[LODGE_WALK_FETCH] __aligned(8);
	unsigned int n = fetch_atomic(vcpu, bytes);

	return n && lodge_x86_decode(insn, bytes, n, mode_of(vcpu)) > 0;
}

/*
 * Instructions without prefixes and operand bytes, which nearly all are: their
 * first bytes, read as a number, say all. In every mode.
 */
static const struct {
	u16 exit_code;
	u8 length;
	u32 mask;
	u32 bytes;
} plain[] = {
	{ LODGE_EXIT_MSR,	2, 0xfdff,   0x300f },		/* WRMSR, RDMSR */
	{ LODGE_EXIT_CPUID,	2, 0xffff,   0xa20f },
	{ LODGE_EXIT_HLT,	1, 0xff,     0xf4 },
	{ LODGE_EXIT_VMMCALL,	3, 0xffffff, 0xd9010f },
};

static unsigned int plain_length(const u8 *bytes, u64 exit_code)
{
	unsigned int i;
	u32 first;

	memcpy(&first, bytes, sizeof(first));
	for (i = 0; i < ARRAY_SIZE(plain); i++)
		if (plain[i].exit_code == exit_code)
			return (first & plain[i].mask) == plain[i].bytes ? plain[i].length : 0;
	return 0;
}

/* Decoding takes a large structure on the stack, which the common case does without. */
static noinline unsigned int decoded_length(struct lodge_vcpu *vcpu, const u8 *bytes, unsigned int n)
{
	struct lodge_x86_insn insn;

	if (lodge_x86_decode(&insn, bytes, n, mode_of(vcpu)) <= 0 || !lodge_svm_insn_is(&insn, vcpu->arch.exit_code))
		return 0;
	return insn.length;
}

static unsigned int length_atomic(struct lodge_vcpu *vcpu)
{
	u8 bytes[LODGE_WALK_FETCH] __aligned(8);
	unsigned int n = fetch_atomic(vcpu, bytes);
	unsigned int length = 0;

	if (n >= sizeof(u32))
		length = plain_length(bytes, vcpu->arch.exit_code);
	if (!length && n)
		length = decoded_length(vcpu, bytes, n);
	return length;
}

/**
 * lodge_svm_insn_length() - the length of the intercepted instruction, without sleeping
 * @vcpu: the vCPU, after an exit
 *
 * Context: any; takes the VM's SRCU.
 * Return: 1 to 15; 0 if its bytes cannot be read here, or are not what the exit code speaks of.
 */
unsigned int lodge_svm_insn_length(struct lodge_vcpu *vcpu)
{
	unsigned int length;
	u64 start;

	if (likely(!READ_ONCE(measure_fetch)))
		return length_atomic(vcpu);
	start = rdtsc_ordered();
	length = length_atomic(vcpu);
	vcpu->stats.insn_fetch_cycles += rdtsc_ordered() - start;
	return length;
}

/*
 * Fetch as the processor would: up to the end of rip's page, then on. Returns
 * the bytes read, 0 after a fault was raised, or -EFAULT.
 */
static int fetch(struct lodge_vcpu *vcpu, u8 *bytes)
{
	gva_t gva = lodge_x86_linear_rip(vcpu);
	unsigned int first = min_t(unsigned int, LODGE_X86_MAX_INSN, PAGE_SIZE - offset_in_page(gva));
	bool user = lodge_x86_cpl(vcpu) == 3;
	u64 cr2;
	u32 error;
	int r;

	r = lodge_walk_read(vcpu, gva, bytes, first, LODGE_ACCESS_EXEC, user, &cr2, &error);
	if (r > 0) {
		lodge_x86_raise_pf(vcpu, cr2, error);
		return 0;
	}
	if (r < 0)
		return r;
	/* The second page matters only if the instruction reaches into it. */
	if (first < LODGE_X86_MAX_INSN &&
	    !lodge_walk_read(vcpu, gva + first, bytes + first, LODGE_X86_MAX_INSN - first,
			     LODGE_ACCESS_EXEC, user, &cr2, &error))
		return LODGE_X86_MAX_INSN;
	return first;
}

/**
 * lodge_svm_decode() - read and decode the instruction at rip
 * @vcpu: the vCPU
 * @insn: out
 *
 * Context: outer loop, SRCU held; may sleep.
 * Return: 1 decoded; 0 a fault was raised; -EFAULT no memory there; -EINVAL no instruction that the decoder knows.
 */
int lodge_svm_decode(struct lodge_vcpu *vcpu, struct lodge_x86_insn *insn)
{
	u8 bytes[LODGE_X86_MAX_INSN];
	int n = fetch(vcpu, bytes);

	if (n <= 0)
		return n;
	return lodge_x86_decode(insn, bytes, n, mode_of(vcpu)) > 0 ? 1 : -EINVAL;
}

/* Which instructions raise which exit. modrm: the whole byte where it tells, or 0. */
static const struct {
	u16 exit_code;
	u8 map;
	u8 opcode;
	u8 modrm;
} instructions[] = {
	{ LODGE_EXIT_CPUID,	LODGE_X86_MAP_0F, 0xa2, 0 },
	{ LODGE_EXIT_HLT,	LODGE_X86_MAP_1,  0xf4, 0 },
	{ LODGE_EXIT_VMMCALL,	LODGE_X86_MAP_0F, 0x01, 0xd9 },
	{ LODGE_EXIT_RDPMC,	LODGE_X86_MAP_0F, 0x33, 0 },
	{ LODGE_EXIT_INVD,	LODGE_X86_MAP_0F, 0x08, 0 },
	{ LODGE_EXIT_WBINVD,	LODGE_X86_MAP_0F, 0x09, 0 },
	{ LODGE_EXIT_MONITOR,	LODGE_X86_MAP_0F, 0x01, 0xc8 },
	{ LODGE_EXIT_MWAIT,	LODGE_X86_MAP_0F, 0x01, 0xc9 },
	{ LODGE_EXIT_MWAIT_COND, LODGE_X86_MAP_0F, 0x01, 0xc9 },
	{ LODGE_EXIT_XSETBV,	LODGE_X86_MAP_0F, 0x01, 0xd1 },
};

static bool is_msr_access(const struct lodge_x86_insn *insn)
{
	return insn->map == LODGE_X86_MAP_0F && (insn->opcode == 0x30 || insn->opcode == 0x32);
}

static bool is_cr0_access(const struct lodge_x86_insn *insn)
{
	if (insn->map != LODGE_X86_MAP_0F)
		return false;
	/* CLTS too: all writes are intercepted while the guest's CR0 is not hardware's */
	return insn->opcode == 0x20 || insn->opcode == 0x22 || insn->opcode == 0x06 ||
	       (insn->opcode == 0x01 && insn->has_modrm);
}

static bool is_dr_access(const struct lodge_x86_insn *insn)
{
	return insn->map == LODGE_X86_MAP_0F && (insn->opcode == 0x21 || insn->opcode == 0x23);
}

static bool is_port_access(const struct lodge_x86_insn *insn)
{
	u8 op = insn->opcode;

	return insn->map == LODGE_X86_MAP_1 &&
	       ((op >= 0x6c && op <= 0x6f) || (op >= 0xe4 && op <= 0xe7) || (op >= 0xec && op <= 0xef));
}

/**
 * lodge_svm_insn_is() - is this the instruction that the exit code speaks of?
 * @insn: what was decoded
 * @exit_code: LODGE_EXIT_*
 *
 * Context: any. Return: true if so.
 */
bool lodge_svm_insn_is(const struct lodge_x86_insn *insn, u64 exit_code)
{
	unsigned int i;

	if (exit_code == LODGE_EXIT_MSR)
		return is_msr_access(insn);
	if (exit_code == LODGE_EXIT_IOIO)
		return is_port_access(insn);
	if (exit_code < LODGE_EXIT_DR_READ(0) || exit_code == LODGE_EXIT_CR0_SEL)
		return is_cr0_access(insn);
	if (exit_code < LODGE_EXIT_EXCP(0))
		return is_dr_access(insn);
	for (i = 0; i < ARRAY_SIZE(instructions); i++) {
		if (instructions[i].exit_code != exit_code)
			continue;
		return insn->map == instructions[i].map && insn->opcode == instructions[i].opcode &&
		       (!instructions[i].modrm || insn->modrm == instructions[i].modrm);
	}
	return false;
}
