// SPDX-License-Identifier: GPL-2.0
/*
 * Control block and permission maps: allocation and what never changes in them.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "msr.h"
#include "svm/svm.h"
#include "svm/vmcb.h"
#include "vcpu.h"
#include "vm.h"

/* The manual's sizes: two bits per MSR in three ranges; one bit per port and 3 more for wide accesses at the end. */
#define MSRPM_ORDER	1
#define IOPM_ORDER	2
#define IOPM_PAGES	3

/*
 * Exits that Lodge always takes. Not taken: RDTSC(P) (TSC offset), CR3, CR8
 * reads (V_TPR), PUSHF, POPF, IRET (only for the NMI window), INVLPG, PAUSE.
 */
static const enum lodge_intercept always[] = {
	LODGE_ICPT_CR0_SEL_WRITE,
	LODGE_ICPT_CR4_WRITE,
	LODGE_ICPT_CR8_WRITE,		/* the TPR's owner is in user space */
	LODGE_ICPT_EXCEPTION + 1,	/* #DB: an endless stream of them would never leave the guest */
	LODGE_ICPT_EXCEPTION + 17,	/* #AC: likewise */
	LODGE_ICPT_EXCEPTION + 18,	/* #MC: the host's business */
	LODGE_ICPT_INTR,
	LODGE_ICPT_NMI,
	LODGE_ICPT_SMI,
	LODGE_ICPT_INIT,
	LODGE_ICPT_RDPMC,
	LODGE_ICPT_CPUID,
	LODGE_ICPT_RSM,
	LODGE_ICPT_INVD,
	LODGE_ICPT_HLT,
	LODGE_ICPT_INVLPGA,
	LODGE_ICPT_IOIO_PROT,
	LODGE_ICPT_MSR_PROT,
	LODGE_ICPT_TASK_SWITCH,
	LODGE_ICPT_SHUTDOWN,
	LODGE_ICPT_VMRUN,
	LODGE_ICPT_VMMCALL,
	LODGE_ICPT_VMLOAD,
	LODGE_ICPT_VMSAVE,
	LODGE_ICPT_STGI,
	LODGE_ICPT_CLGI,
	LODGE_ICPT_SKINIT,
	LODGE_ICPT_WBINVD,
	LODGE_ICPT_MONITOR,
	LODGE_ICPT_MWAIT,
	LODGE_ICPT_XSETBV,
	LODGE_ICPT_RDPRU,
};

static void init_control(struct lodge_vcpu *vcpu)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;
	struct lodge_vm *vm = vcpu->vm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(always); i++)
		lodge_vmcb_set_intercept(vcpu->arch.vmcb, always[i]);

	control->iopm_base_pa = __pa(vm->arch.iopm);
	control->msrpm_base_pa = __pa(vm->arch.msrpm);
	control->nested_ctl = LODGE_NESTED_NP_ENABLE;
	control->nested_cr3 = vm->as[0].stage2.root;
	control->int_ctl = LODGE_V_INTR_MASKING;
	if (lodge_svm_features.vgif)
		control->int_ctl |= LODGE_V_GIF_ENABLE | LODGE_V_GIF;
	control->clean = 0;
}

/**
 * lodge_svm_vmcb_create() - allocate and set up a vCPU's control block
 * @vcpu: the vCPU; its VM's stage-2 tree and permission maps exist
 *
 * Context: may sleep. Pair: lodge_svm_vmcb_free(). Return: 0 or -ENOMEM.
 */
int lodge_svm_vmcb_create(struct lodge_vcpu *vcpu)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return -ENOMEM;
	vcpu->arch.vmcb = page_address(page);
	vcpu->arch.vmcb_pa = page_to_phys(page);
	init_control(vcpu);
	return 0;
}

/**
 * lodge_svm_vmcb_free() - give the control block back
 * @vcpu: the vCPU; it never runs again
 *
 * Context: any.
 */
void lodge_svm_vmcb_free(struct lodge_vcpu *vcpu)
{
	free_page((unsigned long)vcpu->arch.vmcb);
	vcpu->arch.vmcb = NULL;
}

/**
 * lodge_svm_vm_create() - make the permission maps that a VM's vCPUs share
 * @vm: the VM
 *
 * Every port is intercepted; MSRs are as lodge_msr_fill_permission_map() says.
 * Context: may sleep. Pair: lodge_svm_vm_free(). Return: 0 or -ENOMEM.
 */
int lodge_svm_vm_create(struct lodge_vm *vm)
{
	vm->arch.msrpm = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT, MSRPM_ORDER);
	vm->arch.iopm = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, IOPM_ORDER);
	if (!vm->arch.msrpm || !vm->arch.iopm) {
		lodge_svm_vm_free(vm);
		return -ENOMEM;
	}
	memset(vm->arch.msrpm, 0xff, PAGE_SIZE << MSRPM_ORDER);
	memset(vm->arch.iopm, 0xff, IOPM_PAGES * PAGE_SIZE);
	lodge_msr_fill_permission_map(vm->arch.msrpm);
	return 0;
}

/**
 * lodge_svm_vm_free() - give the permission maps back
 * @vm: the VM; no vCPU is left
 *
 * Context: any. Nothing happens for maps that are not there.
 */
void lodge_svm_vm_free(struct lodge_vm *vm)
{
	free_pages((unsigned long)vm->arch.msrpm, MSRPM_ORDER);
	free_pages((unsigned long)vm->arch.iopm, IOPM_ORDER);
	vm->arch.msrpm = NULL;
	vm->arch.iopm = NULL;
}
