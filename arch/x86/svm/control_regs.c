// SPDX-License-Identifier: GPL-2.0
/*
 * Moves to and from control and debug registers, LMSW and SMSW.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "debugregs.h"
#include "emulate/emulate.h"
#include "events.h"
#include "mmio.h"
#include "regs.h"
#include "svm/control_regs.h"
#include "svm/vmcb.h"
#include "trace_x86.h"
#include "vcpu.h"

#define OP_MOV_FROM_CR	0x20
#define OP_MOV_FROM_DR	0x21
#define OP_MOV_TO_CR	0x22
#define OP_GROUP_7	0x01
#define OP_CLTS		0x06
#define GROUP_7_SMSW	4
#define GROUP_7_LMSW	6

/* LMSW reaches PE, MP, EM and TS, and can set PE but not clear it. */
#define LMSW_BITS	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)

/* Moves to and from CR and DR are 64 bits wide in 64-bit mode, else 32. */
static u64 gpr_value(struct lodge_vcpu *vcpu, unsigned int gpr)
{
	u64 val = vcpu->arch.regs[gpr];

	return lodge_x86_is_64bit(vcpu) ? val : (u32)val;
}

static void set_gpr(struct lodge_vcpu *vcpu, unsigned int gpr, u64 val)
{
	vcpu->arch.regs[gpr] = lodge_x86_is_64bit(vcpu) ? val : (u32)val;
}

/*
 * Only reads of CR0 are intercepted, but an emulated processor was seen to
 * exit for the others with CR0's code: what counts is the instruction.
 */
static int read_cr(struct lodge_vcpu *vcpu, unsigned int cr, u64 *val)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	switch (cr) {
	case 0:
		*val = lodge_x86_cr0(vcpu);
		break;
	case 2:
		*val = save->cr2;
		break;
	case 3:
		*val = save->cr3;
		break;
	case 4:
		*val = lodge_x86_cr4(vcpu);
		break;
	case 8:
		*val = vcpu->arch.cr8;
		break;
	default:
		return 1;
	}
	trace_kvm_cr(0, cr, *val);
	return 0;
}

static int handle_cr_read(struct lodge_vcpu *vcpu, unsigned int cr, unsigned int gpr, unsigned long next_rip)
{
	u64 val;

	if (read_cr(vcpu, cr, &val)) {
		lodge_x86_raise(vcpu, X86_TRAP_UD);
		return LODGE_RESUME_GUEST;
	}
	set_gpr(vcpu, gpr, val);
	lodge_x86_advance_rip(vcpu, next_rip);
	return LODGE_RESUME_GUEST;
}

static int write_cr(struct lodge_vcpu *vcpu, unsigned int cr, u64 val)
{
	trace_kvm_cr(1, cr, val);
	switch (cr) {
	case 0:
		return lodge_x86_set_cr0(vcpu, val);
	case 3:
		return lodge_x86_set_cr3(vcpu, val);
	case 4:
		return lodge_x86_set_cr4(vcpu, val);
	case 8:
		return lodge_x86_set_cr8(vcpu, val);
	default:
		return 1;
	}
}

static int finish_write(struct lodge_vcpu *vcpu, int refused, unsigned long next_rip)
{
	if (refused)
		lodge_x86_raise_error(vcpu, X86_TRAP_GP, 0);
	else
		lodge_x86_advance_rip(vcpu, next_rip);
	return LODGE_RESUME_GUEST;
}

static int handle_lmsw(struct lodge_vcpu *vcpu, const struct lodge_x86_insn *insn, unsigned long next_rip)
{
	u64 cr0 = lodge_x86_cr0(vcpu);
	u64 msw = vcpu->arch.regs[insn->rm] & LMSW_BITS;

	cr0 = (cr0 & ~(u64)(LMSW_BITS & ~X86_CR0_PE)) | msw;
	return finish_write(vcpu, lodge_x86_set_cr0(vcpu, cr0), next_rip);
}

static int handle_smsw(struct lodge_vcpu *vcpu, const struct lodge_x86_insn *insn, unsigned long next_rip)
{
	unsigned long *gpr = &vcpu->arch.regs[insn->rm];
	u64 cr0 = lodge_x86_cr0(vcpu);

	if (insn->op_bytes == 2)
		*gpr = (*gpr & ~0xfffful) | (u16)cr0;
	else
		*gpr = insn->op_bytes == 4 ? (u32)cr0 : cr0;
	lodge_x86_advance_rip(vcpu, next_rip);
	return LODGE_RESUME_GUEST;
}

/* User space has the local APIC: a lower priority may let an interrupt through. */
static int handle_cr8_write(struct lodge_vcpu *vcpu, u64 val, unsigned long next_rip)
{
	u64 before = vcpu->arch.cr8;
	int r = finish_write(vcpu, write_cr(vcpu, 8, val), next_rip);

	if (vcpu->arch.cr8 >= before)
		return r;
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return LODGE_EXIT_TO_USER;
}

/* Their memory forms are left to the emulator, which says so if it has not got them. */
static int handle_group_7(struct lodge_vcpu *vcpu, const struct lodge_x86_insn *insn, unsigned long next_rip)
{
	unsigned int op = insn->reg & 7;

	if (insn->mod != 3)
		return lodge_mmio_emulate(vcpu);
	if (op == GROUP_7_LMSW)
		return handle_lmsw(vcpu, insn, next_rip);
	if (op == GROUP_7_SMSW)
		return handle_smsw(vcpu, insn, next_rip);
	return LODGE_RESUME_GUEST;
}

/**
 * lodge_svm_handle_cr() - MOV to and from CR, LMSW, SMSW
 * @vcpu: the vCPU
 * @insn: the decoded instruction
 * @next_rip: where it ends
 *
 * Context: outer loop, SRCU held; may sleep. Return: LODGE_RESUME_GUEST or LODGE_EXIT_TO_USER.
 */
int lodge_svm_handle_cr(struct lodge_vcpu *vcpu, const struct lodge_x86_insn *insn, unsigned long next_rip)
{
	/* LOCK MOV CR0 is AMD's way to say CR8 where there is no REX prefix. */
	unsigned int cr = insn->reg + (insn->lock && !insn->reg ? 8 : 0);

	switch (insn->opcode) {
	case OP_MOV_TO_CR:
		if (cr == 8)
			return handle_cr8_write(vcpu, gpr_value(vcpu, insn->rm), next_rip);
		return finish_write(vcpu, write_cr(vcpu, cr, gpr_value(vcpu, insn->rm)), next_rip);
	case OP_MOV_FROM_CR:
		return handle_cr_read(vcpu, cr, insn->rm, next_rip);
	case OP_CLTS:
		return finish_write(vcpu, lodge_x86_set_cr0(vcpu, lodge_x86_cr0(vcpu) & ~(u64)X86_CR0_TS), next_rip);
	case OP_GROUP_7:
	default:
		return handle_group_7(vcpu, insn, next_rip);
	}
}

/**
 * lodge_svm_handle_dr() - MOV to and from DR
 * @vcpu: the vCPU
 * @insn: the decoded instruction
 * @next_rip: where it ends
 *
 * Context: outer loop. Return: LODGE_RESUME_GUEST or LODGE_EXIT_TO_USER.
 */
int lodge_svm_handle_dr(struct lodge_vcpu *vcpu, const struct lodge_x86_insn *insn, unsigned long next_rip)
{
	u64 val;

	if (insn->opcode == OP_MOV_FROM_DR) {
		if (lodge_dr_get(vcpu, insn->reg, &val))
			return LODGE_RESUME_GUEST;
		set_gpr(vcpu, insn->rm, val);
	} else if (lodge_dr_set(vcpu, insn->reg, gpr_value(vcpu, insn->rm))) {
		return LODGE_RESUME_GUEST;
	}
	lodge_x86_advance_rip(vcpu, next_rip);
	return LODGE_RESUME_GUEST;
}
