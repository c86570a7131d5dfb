// SPDX-License-Identifier: GPL-2.0
/*
 * Address space identifiers, with generations.
 *
 * An ASID names a guest's translations on one CPU. Each CPU hands out its
 * ASIDs in order; when they are used up, all of the CPU's translations are
 * flushed once, and a new generation begins in which every vCPU needs a new
 * ASID. Generation 0 is never in use. ASID 0 is the host's.
 */
#include <linux/percpu.h>
#include <linux/smp.h>

#include "svm/svm.h"
#include "svm/vmcb.h"
#include "vcpu.h"

struct asid_pool {
	u64 generation;
	u32 next;
};

static DEFINE_PER_CPU(struct asid_pool, asid_pool);

/**
 * lodge_svm_asid_cpu_init() - forget all ASIDs of this CPU
 *
 * SVM was just enabled, or the CPU lost its state (suspend). Context: on the CPU, interrupts off.
 */
void lodge_svm_asid_cpu_init(void)
{
	struct asid_pool *pool = this_cpu_ptr(&asid_pool);

	pool->generation++;
	pool->next = lodge_svm_features.nr_asids;
}

static void new_asid(struct lodge_vcpu *vcpu, struct asid_pool *pool)
{
	struct lodge_vmcb_control *control = &vcpu->arch.vmcb->control;

	if (pool->next >= lodge_svm_features.nr_asids) {
		pool->generation++;
		pool->next = 1;
		control->tlb_ctl = LODGE_TLB_FLUSH_ALL;
	}
	control->asid = pool->next++;
	vcpu->arch.asid_generation = pool->generation;
	vcpu->arch.asid_cpu = smp_processor_id();
	/* A new generation also follows a suspend, after which the processor knows nothing of this VMCB any more. */
	control->clean = 0;
}

/**
 * lodge_svm_asid_prepare() - see that the vCPU has an ASID of this CPU's present generation
 * @vcpu: the vCPU
 *
 * Context: interrupts off, just before VMRUN.
 */
void lodge_svm_asid_prepare(struct lodge_vcpu *vcpu)
{
	struct asid_pool *pool = this_cpu_ptr(&asid_pool);

	if (vcpu->arch.asid_generation != pool->generation || vcpu->arch.asid_cpu != smp_processor_id())
		new_asid(vcpu, pool);
}

/**
 * lodge_svm_asid_renew() - drop all of the vCPU's translations before the next entry
 * @vcpu: the vCPU
 *
 * Where the processor can flush by ASID it does; else a new ASID leaves the
 * old translations behind unused. Context: any, vcpu->mutex held.
 */
void lodge_svm_asid_renew(struct lodge_vcpu *vcpu)
{
	if (lodge_svm_features.flush_by_asid)
		vcpu->arch.vmcb->control.tlb_ctl = LODGE_TLB_FLUSH_ASID;
	else
		vcpu->arch.asid_generation = 0;
}
