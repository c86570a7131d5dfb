// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_CAP_SYNC_REGS: registers travel in kvm_run instead of by ioctls.
 *
 * Another thread may change the page at any time, so each set is copied out
 * whole, then checked and used; and nothing is read back from it.
 */
#include <linux/compiler.h>
#include <linux/kvm.h>
#include <linux/string.h>

#include "events.h"
#include "regs.h"
#include "sync_regs.h"
#include "vcpu.h"

static void regs_in(struct lodge_vcpu *vcpu)
{
	struct kvm_regs regs;

	memcpy(&regs, &vcpu->run->s.regs.regs, sizeof(regs));
	/* The copy is what is used: no second look at the page. */
	barrier();
	lodge_x86_set_regs(vcpu, &regs);
}

static int sregs_in(struct lodge_vcpu *vcpu)
{
	struct kvm_sregs sregs;

	memcpy(&sregs, &vcpu->run->s.regs.sregs, sizeof(sregs));
	barrier();
	return lodge_x86_set_sregs(vcpu, &sregs);
}

static int events_in(struct lodge_vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	memcpy(&events, &vcpu->run->s.regs.events, sizeof(events));
	barrier();
	return lodge_x86_set_events(vcpu, &events);
}

static noinline int take_dirty(struct lodge_vcpu *vcpu, u64 dirty)
{
	if (dirty & KVM_SYNC_X86_REGS)
		regs_in(vcpu);
	if ((dirty & KVM_SYNC_X86_SREGS) && sregs_in(vcpu))
		return -EINVAL;
	if ((dirty & KVM_SYNC_X86_EVENTS) && events_in(vcpu))
		return -EINVAL;
	return 0;
}

/**
 * lodge_sync_regs_in() - take the register sets that user space marked dirty
 * @vcpu: the vCPU
 *
 * Which sets are to be given out at the end is decided here as well. Context: vcpu->mutex.
 * Return: 0; -EINVAL: a set that does not exist was named, or a value is one that the ioctl would refuse.
 */
int lodge_sync_regs_in(struct lodge_vcpu *vcpu)
{
	u64 valid = READ_ONCE(vcpu->run->kvm_valid_regs);
	u64 dirty = READ_ONCE(vcpu->run->kvm_dirty_regs);

	vcpu->arch.sync_valid = valid & KVM_SYNC_X86_VALID_FIELDS;
	if (likely(!(valid | dirty)))
		return 0;
	if ((valid | dirty) & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	if (!dirty)
		return 0;
	if (take_dirty(vcpu, dirty))
		return -EINVAL;
	WRITE_ONCE(vcpu->run->kvm_dirty_regs, 0);
	return 0;
}

static void regs_out(struct lodge_vcpu *vcpu)
{
	struct kvm_regs regs;

	lodge_x86_get_regs(vcpu, &regs);
	memcpy(&vcpu->run->s.regs.regs, &regs, sizeof(regs));
}

static void sregs_out(struct lodge_vcpu *vcpu)
{
	struct kvm_sregs sregs;

	lodge_x86_get_sregs(vcpu, &sregs);
	memcpy(&vcpu->run->s.regs.sregs, &sregs, sizeof(sregs));
}

static void events_out(struct lodge_vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	lodge_x86_get_events(vcpu, &events);
	memcpy(&vcpu->run->s.regs.events, &events, sizeof(events));
}

/**
 * lodge_sync_regs_out() - give out the register sets that user space asked for
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex.
 */
void lodge_sync_regs_out(struct lodge_vcpu *vcpu)
{
	if (vcpu->arch.sync_valid & KVM_SYNC_X86_REGS)
		regs_out(vcpu);
	if (vcpu->arch.sync_valid & KVM_SYNC_X86_SREGS)
		sregs_out(vcpu);
	if (vcpu->arch.sync_valid & KVM_SYNC_X86_EVENTS)
		events_out(vcpu);
}
