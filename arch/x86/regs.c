// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers, RFLAGS and rip: the rules for changing them.
 *
 * With nested paging the processor runs on the guest's own CR0, CR3 and CR4.
 * Two things differ: CR0.CD and CR0.NW never reach hardware, where they would
 * slow down the host's memory too, and EFER.SVME is always on, as VMRUN wants.
 */
#include <linux/bits.h>

#include "debugregs.h"
#include "events.h"
#include "regs.h"
#include "svm/svm.h"
#include "svm/vmcb.h"
#include "vcpu.h"

#define CR0_HIDDEN	((u64)(X86_CR0_CD | X86_CR0_NW))
#define CR0_KNOWN	((u64)(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | \
			       X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG))
/* Changing one of these makes the processor drop its translations. */
#define CR4_FLUSH	((u64)(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_LA57 | X86_CR4_SMEP))
#define RFLAGS_STEP	((unsigned long)(X86_EFLAGS_TF | X86_EFLAGS_RF))

/* Segment attributes at reset: present, with the manual's types. */
#define ATTR_CODE	0x9a
#define ATTR_DATA	0x92
#define ATTR_LDT	0x82
#define ATTR_TSS	0x83

#define DEFAULT_PAT	0x0007040600070406ull
/* EDX at reset holds family, model and stepping; without CPUID data KVM's value is family 6. */
#define RESET_EDX	0x600

static void reset_segment(struct lodge_vmcb_seg *seg, u16 attrib)
{
	seg->selector = 0;
	seg->attrib = attrib;
	seg->limit = 0xffff;
	seg->base = 0;
}

static void reset_segments(struct lodge_vmcb_save *save)
{
	reset_segment(&save->es, ATTR_DATA);
	reset_segment(&save->cs, ATTR_CODE);
	reset_segment(&save->ss, ATTR_DATA);
	reset_segment(&save->ds, ATTR_DATA);
	reset_segment(&save->fs, ATTR_DATA);
	reset_segment(&save->gs, ATTR_DATA);
	reset_segment(&save->gdtr, 0);
	reset_segment(&save->ldtr, ATTR_LDT);
	reset_segment(&save->idtr, 0);
	reset_segment(&save->tr, ATTR_TSS);
	save->cs.selector = 0xf000;
	save->cs.base = 0xffff0000;
	save->cpl = 0;
}

/**
 * lodge_x86_regs_reset() - general, control and segment registers as after a reset
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex, or nobody else knows the vCPU yet.
 */
void lodge_x86_regs_reset(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	memset(vcpu->arch.regs, 0, sizeof(vcpu->arch.regs));
	vcpu->arch.regs[LODGE_RDX] = RESET_EDX;
	reset_segments(save);
	save->rip = 0xfff0;
	save->rflags = X86_EFLAGS_FIXED;
	save->cr2 = 0;
	save->cr3 = 0;
	save->g_pat = DEFAULT_PAT;
	vcpu->arch.vmcb->control.int_state = 0;
	lodge_x86_put_cr0(vcpu, X86_CR0_CD | X86_CR0_NW | X86_CR0_ET);
	lodge_x86_put_cr4(vcpu, 0);
	lodge_x86_put_efer(vcpu, 0);
	lodge_x86_set_cr8(vcpu, 0);
	vcpu->arch.vmcb->control.clean = 0;
	lodge_svm_asid_renew(vcpu);
}

/* While the guest's CR0 has bits that hardware's lacks, it may neither read nor write hardware's. */
static void update_cr0_intercepts(struct lodge_vcpu *vcpu)
{
	if (vcpu->arch.cr0_cache_bits) {
		lodge_vmcb_set_intercept(vcpu->arch.vmcb, LODGE_ICPT_CR0_READ);
		lodge_vmcb_set_intercept(vcpu->arch.vmcb, LODGE_ICPT_CR0_WRITE);
	} else {
		lodge_vmcb_clear_intercept(vcpu->arch.vmcb, LODGE_ICPT_CR0_READ);
		lodge_vmcb_clear_intercept(vcpu->arch.vmcb, LODGE_ICPT_CR0_WRITE);
	}
}

/**
 * lodge_x86_put_cr0() - store a CR0 that was checked
 * @vcpu: the vCPU
 * @cr0: value; unknown bits are dropped, ET is always 1
 *
 * Leaves EFER.LMA alone. Context: vcpu->mutex.
 */
void lodge_x86_put_cr0(struct lodge_vcpu *vcpu, u64 cr0)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	cr0 = (cr0 & CR0_KNOWN) | X86_CR0_ET;
	if ((save->cr0 ^ cr0) & X86_CR0_PG)
		lodge_svm_asid_renew(vcpu);
	vcpu->arch.cr0_cache_bits = cr0 & CR0_HIDDEN;
	save->cr0 = cr0 & ~CR0_HIDDEN;
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_CR);
	update_cr0_intercepts(vcpu);
}

/* A machine check in a guest with MCE off would shut the guest down before the host sees it. */
static void hide_mce(struct lodge_vcpu *vcpu, bool hide)
{
	vcpu->arch.cr4_mce_hidden = hide;
	if (hide)
		lodge_vmcb_set_intercept(vcpu->arch.vmcb, LODGE_ICPT_CR4_READ);
	else
		lodge_vmcb_clear_intercept(vcpu->arch.vmcb, LODGE_ICPT_CR4_READ);
}

/**
 * lodge_x86_put_cr4() - store a CR4 that was checked
 * @vcpu: the vCPU
 * @cr4: value
 *
 * Context: vcpu->mutex.
 */
void lodge_x86_put_cr4(struct lodge_vcpu *vcpu, u64 cr4)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	if ((save->cr4 ^ cr4) & CR4_FLUSH)
		lodge_svm_asid_renew(vcpu);
	hide_mce(vcpu, boot_cpu_has(X86_FEATURE_MCE) && !(cr4 & X86_CR4_MCE));
	save->cr4 = vcpu->arch.cr4_mce_hidden ? cr4 | X86_CR4_MCE : cr4;
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_CR);
}

/**
 * lodge_x86_put_efer() - store an EFER that was checked
 * @vcpu: the vCPU
 * @efer: value, LMA included
 *
 * Context: vcpu->mutex.
 */
void lodge_x86_put_efer(struct lodge_vcpu *vcpu, u64 efer)
{
	if ((vcpu->arch.efer ^ efer) & EFER_NX)
		lodge_svm_asid_renew(vcpu);
	vcpu->arch.efer = efer;
	lodge_x86_save(vcpu)->efer = efer | EFER_SVME;
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_CR);
}

/**
 * lodge_x86_cr0_valid() - does a CR0 make sense by itself?
 * @cr0: value
 *
 * Context: any. Return: false if MOV to CR0 would raise #GP whatever the other registers hold.
 */
bool lodge_x86_cr0_valid(u64 cr0)
{
	if (cr0 >> 32)
		return false;
	if ((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD))
		return false;
	return !(cr0 & X86_CR0_PG) || (cr0 & X86_CR0_PE);
}

/* What turning paging on or off needs of the other registers. */
static bool paging_change_valid(struct lodge_vcpu *vcpu, bool on)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	if (on)
		return !(vcpu->arch.efer & EFER_LME) || ((save->cr4 & X86_CR4_PAE) && !(save->cs.attrib & BIT(9)));
	return !lodge_x86_is_64bit(vcpu) && !(save->cr4 & X86_CR4_PCIDE);
}

/**
 * lodge_x86_set_cr0() - the guest writes CR0
 * @vcpu: the vCPU
 * @cr0: value
 *
 * Long mode becomes active when paging is turned on with EFER.LME set, and
 * inactive with paging. Context: vcpu->mutex. Return: 0; 1: #GP(0) is due, nothing changed.
 */
int lodge_x86_set_cr0(struct lodge_vcpu *vcpu, u64 cr0)
{
	bool change = (lodge_x86_cr0(vcpu) ^ cr0) & X86_CR0_PG;
	bool on = cr0 & X86_CR0_PG;

	if (!lodge_x86_cr0_valid(cr0) || (change && !paging_change_valid(vcpu, on)))
		return 1;
	if (change && (vcpu->arch.efer & EFER_LME))
		lodge_x86_put_efer(vcpu, on ? vcpu->arch.efer | EFER_LMA : vcpu->arch.efer & ~(u64)EFER_LMA);
	lodge_x86_put_cr0(vcpu, cr0);
	return 0;
}

/**
 * lodge_x86_set_cr3() - the guest writes CR3
 * @vcpu: the vCPU
 * @cr3: value; bit 63 asks not to flush where CR4.PCIDE is set
 *
 * Context: vcpu->mutex. Return: 0; 1: #GP(0) is due, nothing changed.
 */
int lodge_x86_set_cr3(struct lodge_vcpu *vcpu, u64 cr3)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	if (save->cr4 & X86_CR4_PCIDE)
		cr3 &= ~X86_CR3_PCID_NOFLUSH;
	if (lodge_x86_long_mode(vcpu) && (cr3 & vcpu->arch.guest_gpa_reserved))
		return 1;
	save->cr3 = cr3;
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_CR);
	lodge_svm_asid_renew(vcpu);
	return 0;
}

static bool cr4_change_valid(struct lodge_vcpu *vcpu, u64 cr4)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);
	u64 change = lodge_x86_cr4(vcpu) ^ cr4;

	if (lodge_x86_long_mode(vcpu) && (!(cr4 & X86_CR4_PAE) || (change & X86_CR4_LA57)))
		return false;
	if (!(change & cr4 & X86_CR4_PCIDE))
		return true;
	return lodge_x86_long_mode(vcpu) && !(save->cr3 & X86_CR3_PCID_MASK);
}

/**
 * lodge_x86_set_cr4() - the guest writes CR4
 * @vcpu: the vCPU
 * @cr4: value
 *
 * Context: vcpu->mutex. Return: 0; 1: #GP(0) is due, nothing changed.
 */
int lodge_x86_set_cr4(struct lodge_vcpu *vcpu, u64 cr4)
{
	if ((cr4 & vcpu->arch.guest_cr4_reserved) || !cr4_change_valid(vcpu, cr4))
		return 1;
	lodge_x86_put_cr4(vcpu, cr4);
	return 0;
}

/**
 * lodge_x86_set_cr8() - the guest, or user space through kvm_run, writes the task priority
 * @vcpu: the vCPU
 * @cr8: priority class, 0 to 15
 *
 * Context: vcpu->mutex. Return: 0; 1: #GP(0) is due, nothing changed.
 */
int lodge_x86_set_cr8(struct lodge_vcpu *vcpu, u64 cr8)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;

	if (cr8 & ~LODGE_V_TPR_MASK)
		return 1;
	vcpu->arch.cr8 = cr8;
	if (lodge_x86_cr8(vcpu) == cr8)
		return 0;
	control->int_ctl = (control->int_ctl & ~LODGE_V_TPR_MASK) | cr8;
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_INTR);
	return 0;
}

/**
 * lodge_x86_set_efer() - the guest or user space writes EFER
 * @vcpu: the vCPU
 * @efer: value; LMA follows CR0.PG and cannot be written
 * @host: user space, which may change LME while paging is on
 *
 * Context: vcpu->mutex. Return: 0; 1: #GP(0) is due, nothing changed.
 */
int lodge_x86_set_efer(struct lodge_vcpu *vcpu, u64 efer, bool host)
{
	u64 old = vcpu->arch.efer;

	if (efer & vcpu->arch.guest_efer_reserved)
		return 1;
	if (!host && lodge_x86_paging(vcpu) && ((old ^ efer) & EFER_LME))
		return 1;
	lodge_x86_put_efer(vcpu, (efer & ~(u64)EFER_LMA) | (old & EFER_LMA));
	return 0;
}

/**
 * lodge_x86_get_rflags() - RFLAGS as the guest has them
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex. Return: without the TF that user space's or our own stepping put there.
 */
unsigned long lodge_x86_get_rflags(struct lodge_vcpu *vcpu)
{
	unsigned long rflags = lodge_x86_save(vcpu)->rflags;

	if (vcpu->arch.nmi_single_step)
		rflags = (rflags & ~RFLAGS_STEP) | vcpu->arch.nmi_step_rflags;
	if (vcpu->arch.guest_debug.control & KVM_GUESTDBG_SINGLESTEP)
		rflags &= ~(unsigned long)X86_EFLAGS_TF;
	return rflags;
}

/**
 * lodge_x86_set_rflags() - set the guest's RFLAGS
 * @vcpu: the vCPU; rip is set already
 * @rflags: value; bit 1 is always 1
 *
 * Context: vcpu->mutex.
 */
void lodge_x86_set_rflags(struct lodge_vcpu *vcpu, unsigned long rflags)
{
	if ((vcpu->arch.guest_debug.control & KVM_GUESTDBG_SINGLESTEP) &&
	    lodge_x86_linear_rip(vcpu) == vcpu->arch.single_step_rip)
		rflags |= X86_EFLAGS_TF;
	if (vcpu->arch.nmi_single_step) {
		vcpu->arch.nmi_step_rflags = rflags & RFLAGS_STEP;
		rflags |= RFLAGS_STEP;
	}
	lodge_x86_save(vcpu)->rflags = rflags | X86_EFLAGS_FIXED;
}

/**
 * lodge_x86_advance_rip() - the present instruction has been done
 * @vcpu: the vCPU
 * @next_rip: where the next one starts
 *
 * Ends the interrupt shadow and RF, and raises the trap that is due if the
 * guest, or user space, steps. Context: vcpu->mutex; also the inner loop.
 */
void lodge_x86_advance_rip(struct lodge_vcpu *vcpu, unsigned long next_rip)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	save->rip = next_rip;
	save->rflags &= ~(u64)X86_EFLAGS_RF;
	vcpu->arch.vmcb->control.int_state &= ~LODGE_INT_SHADOW;
	if (save->rflags & X86_EFLAGS_TF)
		lodge_dr_emulated_step(vcpu);
}
