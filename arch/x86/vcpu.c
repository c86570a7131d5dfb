// SPDX-License-Identifier: GPL-2.0
/*
 * The x86 vCPU: life, ioctls, and what KVM_RUN exchanges with kvm_run.
 *
 * There is no interrupt controller in the kernel yet: interrupts come by
 * KVM_INTERRUPT, CR8 by kvm_run, and HLT goes to user space.
 */
#include <linux/compiler.h>
#include <linux/kvm.h>
#include <linux/uaccess.h>

#include "arch_vcpu.h"
#include "clock.h"
#include "cpuid.h"
#include "debugregs.h"
#include "events.h"
#include "mce.h"
#include "msr.h"
#include "regs.h"
#include "svm/svm.h"
#include "sync_regs.h"
#include "vcpu.h"
#include "vm.h"
#include "walk.h"
#include "xstate.h"

/**
 * lodge_arch_vcpu_precreate() - may a vCPU with this id be made?
 * @vm: the VM
 * @id: KVM_CREATE_VCPU's argument
 *
 * Context: may sleep, vm->lock held. Return: 0 or -EINVAL.
 */
int lodge_arch_vcpu_precreate(struct lodge_vm *vm, unsigned int id)
{
	return id < (vm->arch.max_vcpu_ids ?: LODGE_MAX_VCPU_ID) ? 0 : -EINVAL;
}

static void reset(struct lodge_vcpu *vcpu)
{
	lodge_cpuid_vcpu_init(vcpu);
	lodge_x86_regs_reset(vcpu);
	lodge_dr_reset(vcpu);
	lodge_msr_reset(vcpu);
	lodge_clock_vcpu_init(vcpu);
}

/**
 * lodge_arch_vcpu_create() - the x86 part of a new vCPU, in its reset state
 * @vcpu: the vCPU; nobody else knows it yet
 *
 * Context: may sleep. Pair: lodge_arch_vcpu_destroy(). Return: 0; or -ENOMEM, with nothing left behind.
 */
int lodge_arch_vcpu_create(struct lodge_vcpu *vcpu)
{
	int err = lodge_svm_vmcb_create(vcpu);

	if (!err)
		err = lodge_xstate_init(vcpu);
	if (!err)
		err = lodge_mce_init(vcpu);
	if (err) {
		lodge_arch_vcpu_destroy(vcpu);
		return err;
	}
	reset(vcpu);
	return 0;
}

/**
 * lodge_arch_vcpu_destroy() - give back what the x86 part holds
 * @vcpu: the vCPU; it never runs again. What was not made is not missed
 *
 * Context: may sleep.
 */
void lodge_arch_vcpu_destroy(struct lodge_vcpu *vcpu)
{
	lodge_cpuid_free(vcpu);
	lodge_mce_free(vcpu);
	lodge_xstate_free(vcpu);
	lodge_svm_vmcb_free(vcpu);
}

/**
 * lodge_arch_vcpu_mmap_page() - pages of the vCPU mapping that the core does not know
 * @vcpu: the vCPU
 * @pgoff: page offset
 *
 * Context: may sleep. Return: NULL, there are none.
 */
struct page *lodge_arch_vcpu_mmap_page(struct lodge_vcpu *vcpu, unsigned long pgoff)
{
	return NULL;
}

/**
 * lodge_arch_vcpu_arrive() - the vCPU runs on another CPU than last time, or another vCPU ran here
 * @vcpu: the vCPU
 * @cpu: this CPU
 *
 * From the first time on its CPUID is final. Context: bottom halves off, interrupts on.
 */
void lodge_arch_vcpu_arrive(struct lodge_vcpu *vcpu, int cpu)
{
	vcpu->arch.ran = true;
	lodge_svm_arrive(vcpu, cpu);
	lodge_clock_arrive(vcpu);
}

/**
 * lodge_arch_vcpu_depart() - the vCPU's thread has left the inner loop
 * @vcpu: the vCPU
 * @why: what it does next
 *
 * Context: bottom halves off, interrupts on.
 */
void lodge_arch_vcpu_depart(struct lodge_vcpu *vcpu, enum lodge_depart why)
{
	lodge_clock_depart(vcpu);
	if (unlikely(vcpu->arch.dr_live))
		lodge_dr_depart(vcpu);
	lodge_svm_depart(vcpu);
}

/**
 * lodge_arch_vcpu_run_begin() - take KVM_RUN's inputs from kvm_run
 * @vcpu: the vCPU
 *
 * Context: may sleep; vcpu->mutex and SRCU held. Return: 0 or -EINVAL.
 */
int lodge_arch_vcpu_run_begin(struct lodge_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 cr8;
	int err;

	WRITE_ONCE(run->flags, 0);
	lodge_clock_settle(vcpu);
	vcpu->arch.irq_window_wanted = READ_ONCE(run->request_interrupt_window);
	err = lodge_sync_regs_in(vcpu);
	if (err)
		return err;
	cr8 = READ_ONCE(run->cr8);
	return cr8 != vcpu->arch.cr8 && lodge_x86_set_cr8(vcpu, cr8) ? -EINVAL : 0;
}

/**
 * lodge_arch_vcpu_run_end() - write KVM_RUN's outputs to kvm_run
 * @vcpu: the vCPU
 *
 * Context: may sleep; vcpu->mutex and SRCU held. On every return, whatever its reason.
 */
void lodge_arch_vcpu_run_end(struct lodge_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (vcpu->arch.sync_valid)
		lodge_sync_regs_out(vcpu);
	WRITE_ONCE(run->if_flag, !!(lodge_x86_get_rflags(vcpu) & X86_EFLAGS_IF));
	WRITE_ONCE(run->cr8, lodge_x86_cr8(vcpu));
	WRITE_ONCE(run->apic_base, vcpu->arch.apic_base);
	WRITE_ONCE(run->ready_for_interrupt_injection, lodge_x86_interrupt_allowed(vcpu));
}

/* ioctls: in and out of user memory, then one call each. */

static long copy_out(void __user *argp, const void *data, size_t bytes)
{
	return copy_to_user(argp, data, bytes) ? -EFAULT : 0;
}

static long get_regs(struct lodge_vcpu *vcpu, void __user *argp)
{
	struct kvm_regs regs;

	lodge_x86_get_regs(vcpu, &regs);
	return copy_out(argp, &regs, sizeof(regs));
}

static long set_regs(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct kvm_regs regs;

	if (copy_from_user(&regs, argp, sizeof(regs)))
		return -EFAULT;
	lodge_x86_set_regs(vcpu, &regs);
	return 0;
}

static long get_sregs(struct lodge_vcpu *vcpu, void __user *argp)
{
	struct kvm_sregs sregs;

	lodge_x86_get_sregs(vcpu, &sregs);
	return copy_out(argp, &sregs, sizeof(sregs));
}

static long set_sregs(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct kvm_sregs sregs;

	if (copy_from_user(&sregs, argp, sizeof(sregs)))
		return -EFAULT;
	return lodge_x86_set_sregs(vcpu, &sregs);
}

static long get_sregs2(struct lodge_vcpu *vcpu, void __user *argp)
{
	struct kvm_sregs2 sregs;

	lodge_x86_get_sregs2(vcpu, &sregs);
	return copy_out(argp, &sregs, sizeof(sregs));
}

static long set_sregs2(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct kvm_sregs2 sregs;

	if (copy_from_user(&sregs, argp, sizeof(sregs)))
		return -EFAULT;
	return lodge_x86_set_sregs2(vcpu, &sregs);
}

static long get_events(struct lodge_vcpu *vcpu, void __user *argp)
{
	struct kvm_vcpu_events events;

	lodge_x86_get_events(vcpu, &events);
	return copy_out(argp, &events, sizeof(events));
}

static long set_events(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct kvm_vcpu_events events;

	if (copy_from_user(&events, argp, sizeof(events)))
		return -EFAULT;
	return lodge_x86_set_events(vcpu, &events);
}

static long get_debugregs(struct lodge_vcpu *vcpu, void __user *argp)
{
	struct kvm_debugregs dbg;

	lodge_dr_get_debugregs(vcpu, &dbg);
	return copy_out(argp, &dbg, sizeof(dbg));
}

static long set_debugregs(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct kvm_debugregs dbg;

	if (copy_from_user(&dbg, argp, sizeof(dbg)))
		return -EFAULT;
	return lodge_dr_set_debugregs(vcpu, &dbg);
}

static long set_guest_debug(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct kvm_guest_debug dbg;

	if (copy_from_user(&dbg, argp, sizeof(dbg)))
		return -EFAULT;
	return lodge_dr_set_guest_debug(vcpu, &dbg);
}

static long queue_interrupt(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct kvm_interrupt irq;

	if (copy_from_user(&irq, argp, sizeof(irq)))
		return -EFAULT;
	return lodge_x86_queue_interrupt(vcpu, irq.irq);
}

static long queue_nmi(struct lodge_vcpu *vcpu)
{
	lodge_x86_queue_nmi(vcpu);
	return 0;
}

static long translate(struct lodge_vcpu *vcpu, void __user *argp)
{
	struct kvm_translation tr;
	int err;

	if (copy_from_user(&tr, argp, sizeof(tr)))
		return -EFAULT;
	err = lodge_walk_translate(vcpu, &tr);
	return err ?: copy_out(argp, &tr, sizeof(tr));
}

/* Every other state is the interrupt controller's business, which user space has. */
static long get_mp_state(void __user *argp)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };

	return copy_out(argp, &state, sizeof(state));
}

static long set_mp_state(const void __user *argp)
{
	struct kvm_mp_state state;

	if (copy_from_user(&state, argp, sizeof(state)))
		return -EFAULT;
	return state.mp_state == KVM_MP_STATE_RUNNABLE ? 0 : -EINVAL;
}

static long device_attr(struct lodge_vcpu *vcpu, unsigned int ioctl, const void __user *argp)
{
	struct kvm_device_attr attr;

	if (copy_from_user(&attr, argp, sizeof(attr)))
		return -EFAULT;
	return lodge_clock_device_attr(vcpu, ioctl, &attr);
}

/* No capability of this build is turned on per vCPU. */
static long enable_cap(const void __user *argp)
{
	struct kvm_enable_cap cap;

	return copy_from_user(&cap, argp, sizeof(cap)) ? -EFAULT : -EINVAL;
}

/**
 * lodge_arch_vcpu_ioctl() - x86's ioctls on a vCPU
 * @vcpu: the vCPU
 * @ioctl: number
 * @arg: its argument
 *
 * Context: may sleep; vcpu->mutex and SRCU held. Return: as in KVM; -EINVAL for what is not here.
 */
long lodge_arch_vcpu_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (ioctl) {
	case KVM_GET_REGS:
		return get_regs(vcpu, argp);
	case KVM_SET_REGS:
		return set_regs(vcpu, argp);
	case KVM_GET_SREGS:
		return get_sregs(vcpu, argp);
	case KVM_SET_SREGS:
		return set_sregs(vcpu, argp);
	case KVM_GET_SREGS2:
		return get_sregs2(vcpu, argp);
	case KVM_SET_SREGS2:
		return set_sregs2(vcpu, argp);
	case KVM_GET_FPU:
	case KVM_SET_FPU:
	case KVM_GET_XSAVE:
	case KVM_GET_XSAVE2:
	case KVM_SET_XSAVE:
	case KVM_GET_XCRS:
	case KVM_SET_XCRS:
		return lodge_xstate_ioctl(vcpu, ioctl, argp);
	case KVM_SET_CPUID:
	case KVM_SET_CPUID2:
	case KVM_GET_CPUID2:
		return lodge_cpuid_ioctl(vcpu, ioctl, argp);
	case KVM_GET_MSRS:
	case KVM_SET_MSRS:
		return lodge_msr_vcpu_ioctl(vcpu, ioctl, argp);
	case KVM_GET_DEBUGREGS:
		return get_debugregs(vcpu, argp);
	case KVM_SET_DEBUGREGS:
		return set_debugregs(vcpu, argp);
	case KVM_SET_GUEST_DEBUG:
		return set_guest_debug(vcpu, argp);
	case KVM_GET_VCPU_EVENTS:
		return get_events(vcpu, argp);
	case KVM_SET_VCPU_EVENTS:
		return set_events(vcpu, argp);
	case KVM_GET_MP_STATE:
		return get_mp_state(argp);
	case KVM_SET_MP_STATE:
		return set_mp_state(argp);
	case KVM_INTERRUPT:
		return queue_interrupt(vcpu, argp);
	case KVM_NMI:
		return queue_nmi(vcpu);
	case KVM_TRANSLATE:
		return translate(vcpu, argp);
	case KVM_GET_TSC_KHZ:
	case KVM_SET_TSC_KHZ:
		return lodge_clock_vcpu_ioctl(vcpu, ioctl, arg);
	case KVM_HAS_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
		return device_attr(vcpu, ioctl, argp);
	case KVM_X86_SETUP_MCE:
	case KVM_X86_SET_MCE:
		return lodge_mce_ioctl(vcpu, ioctl, argp);
	case KVM_ENABLE_CAP:
		return enable_cap(argp);
	default:
		return -EINVAL;
	}
}

/**
 * lodge_arch_vcpu_async_ioctl() - ioctls that may not wait for the vCPU
 * @vcpu: the vCPU
 * @ioctl: number
 * @arg: its argument
 *
 * Context: may sleep. Return: -ENOIOCTLCMD, x86 has none.
 */
long lodge_arch_vcpu_async_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, unsigned long arg)
{
	return -ENOIOCTLCMD;
}
