// SPDX-License-Identifier: GPL-2.0
/*
 * Guest time.
 *
 * A guest's TSC is the host's plus an offset. Guests have no other clock from
 * here; KVM_GET_CLOCK's is kept for user space, and runs as the host's
 * CLOCK_BOOTTIME does, without its frequency corrections.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include "clock.h"
#include "compat.h"
#include "svm/vmcb.h"
#include "vcpu.h"
#include "vm.h"

/* How far a guest's frequency may be from the host's without anything being done about it. */
#define TOLERANCE_PPM	250

/* Added up over all suspends: how far the host's TSC went backwards. Written by one CPU while no other runs. */
static u64 lost_in_suspend;
static u64 tsc_at_suspend;

static bool within_tolerance(u32 khz)
{
	u64 slack = div_u64((u64)tsc_khz * TOLERANCE_PPM, 1000000);

	return khz >= tsc_khz - slack && khz <= tsc_khz + slack;
}

static void set_offset(struct lodge_vcpu *vcpu, u64 offset)
{
	vcpu->arch.tsc_offset = offset;
	vcpu->arch.vmcb->control.tsc_offset = offset;
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_INTERCEPTS);
}

/**
 * lodge_clock_suspend() - the machine is about to sleep
 *
 * Context: the last CPU, interrupts off.
 */
void lodge_clock_suspend(void)
{
	tsc_at_suspend = rdtsc();
}

/**
 * lodge_clock_resume() - the machine is awake again
 *
 * All guests see the same jump, so that a VM's vCPUs stay together.
 * Context: the first CPU, interrupts off.
 */
void lodge_clock_resume(void)
{
	u64 now = rdtsc();

	if (now < tsc_at_suspend)
		WRITE_ONCE(lost_in_suspend, lost_in_suspend + tsc_at_suspend - now);
}

/**
 * lodge_clock_settle() - make up for suspends since the vCPU was last here
 * @vcpu: the vCPU
 *
 * A thread is frozen outside KVM_RUN only, so it is enough to do this at its
 * beginning and before the TSC is looked at. Context: vcpu->mutex; any.
 */
void lodge_clock_settle(struct lodge_vcpu *vcpu)
{
	u64 lost = READ_ONCE(lost_in_suspend), missed = lost - vcpu->arch.tsc_lost_seen;

	if (likely(!missed))
		return;
	vcpu->arch.tsc_lost_seen = lost;
	vcpu->arch.last_host_tsc = 0;
	set_offset(vcpu, vcpu->arch.tsc_offset + missed);
}

/**
 * lodge_clock_arrive() - the vCPU runs on another CPU, or another vCPU ran here
 * @vcpu: the vCPU
 *
 * Where CPUs' TSCs differ the guest's would go backwards; it is held up
 * instead. Context: bottom halves off.
 */
void lodge_clock_arrive(struct lodge_vcpu *vcpu)
{
	u64 now;

	lodge_clock_settle(vcpu);
	now = rdtsc();
	if (unlikely(now < vcpu->arch.last_host_tsc))
		set_offset(vcpu, vcpu->arch.tsc_offset + vcpu->arch.last_host_tsc - now);
}

/**
 * lodge_clock_depart() - the vCPU leaves the inner loop
 * @vcpu: the vCPU
 *
 * Context: bottom halves off.
 */
void lodge_clock_depart(struct lodge_vcpu *vcpu)
{
	vcpu->arch.last_host_tsc = rdtsc();
}

/**
 * lodge_clock_read_tsc() - the guest's TSC now
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex; any. Return: cycles.
 */
u64 lodge_clock_read_tsc(struct lodge_vcpu *vcpu)
{
	lodge_clock_settle(vcpu);
	return rdtsc() + vcpu->arch.tsc_offset;
}

/* The offset that the VM's vCPUs were given last, as it is after any suspends since. Context: clock_lock. */
static u64 last_offset(struct lodge_vm_arch *arch)
{
	u64 lost = READ_ONCE(lost_in_suspend);

	arch->tsc_last_offset += lost - arch->tsc_lost_seen;
	arch->tsc_lost_seen = lost;
	return arch->tsc_last_offset;
}

/*
 * KVM's rule: writes to several vCPUs that differ by no more than the time
 * between them, give or take a second, mean to give them the same TSC. Zero
 * always does, except for the VM's first vCPU. The first value that user space
 * writes is not compared with what creation left there.
 */
static bool means_together(struct lodge_vcpu *vcpu, u64 tsc, u64 now)
{
	struct lodge_vm_arch *arch = &vcpu->vm->arch;
	u64 second = (u64)vcpu->arch.tsc_khz * 1000;
	u64 expected;

	if (vcpu->arch.tsc_khz != arch->tsc_last_khz)
		return false;
	if (!tsc)
		return true;
	if (!arch->tsc_user_set)
		return false;
	expected = now + last_offset(arch);
	return tsc < expected + second && tsc + second > expected;
}

static void remember(struct lodge_vcpu *vcpu, u64 offset)
{
	struct lodge_vm_arch *arch = &vcpu->vm->arch;

	last_offset(arch);	/* the new one needs no making up */
	arch->tsc_last_offset = offset;
	arch->tsc_last_khz = vcpu->arch.tsc_khz;
}

static void synchronize(struct lodge_vcpu *vcpu, u64 tsc, bool user)
{
	struct lodge_vm_arch *arch = &vcpu->vm->arch;
	unsigned long flags;
	u64 now, offset;

	lodge_clock_settle(vcpu);
	raw_spin_lock_irqsave(&arch->clock_lock, flags);
	now = rdtsc();
	offset = means_together(vcpu, tsc, now) ? last_offset(arch) : tsc - now;
	if (user)
		arch->tsc_user_set = true;
	remember(vcpu, offset);
	raw_spin_unlock_irqrestore(&arch->clock_lock, flags);
	set_offset(vcpu, offset);
}

/**
 * lodge_clock_write_tsc() - IA32_TSC is written
 * @vcpu: the vCPU
 * @tsc:  value
 * @host: by user space, which sets the time base of several vCPUs; the guest's own writes show in IA32_TSC_ADJUST
 *
 * Context: vcpu->mutex; any.
 */
void lodge_clock_write_tsc(struct lodge_vcpu *vcpu, u64 tsc, bool host)
{
	u64 offset;

	if (host) {
		synchronize(vcpu, tsc, true);
		return;
	}
	lodge_clock_settle(vcpu);
	offset = tsc - rdtsc();
	vcpu->arch.tsc_adjust += offset - vcpu->arch.tsc_offset;
	set_offset(vcpu, offset);
}

/**
 * lodge_clock_write_tsc_adjust() - IA32_TSC_ADJUST is written
 * @vcpu:   the vCPU
 * @adjust: value
 * @host:   by user space, which restores it beside IA32_TSC, so the TSC stays
 *
 * Context: vcpu->mutex; any.
 */
void lodge_clock_write_tsc_adjust(struct lodge_vcpu *vcpu, u64 adjust, bool host)
{
	lodge_clock_settle(vcpu);
	if (!host)
		set_offset(vcpu, vcpu->arch.tsc_offset + adjust - vcpu->arch.tsc_adjust);
	vcpu->arch.tsc_adjust = adjust;
}

/* Nanoseconds of the clock that KVM_GET_CLOCK's is an offset from. */
static u64 base_ns(u64 raw_ns)
{
	return raw_ns + ktime_to_ns(ktime_mono_to_any(0, TK_OFFS_BOOT));
}

/**
 * lodge_clock_vm_init() - a new VM's clocks start at 0
 * @vm: the VM
 *
 * Context: nobody else knows the VM yet.
 */
void lodge_clock_vm_init(struct lodge_vm *vm)
{
	raw_spin_lock_init(&vm->arch.clock_lock);
	vm->arch.default_tsc_khz = tsc_khz;
	vm->arch.tsc_lost_seen = READ_ONCE(lost_in_suspend);
	vm->arch.kvmclock_offset = -(s64)base_ns(ktime_get_raw_ns());
}

/**
 * lodge_clock_vcpu_init() - a new vCPU's TSC starts at 0, or with its VM's other vCPUs
 * @vcpu: the vCPU; its VMCB exists
 *
 * Context: vm->lock.
 */
void lodge_clock_vcpu_init(struct lodge_vcpu *vcpu)
{
	vcpu->arch.tsc_khz = READ_ONCE(vcpu->vm->arch.default_tsc_khz);
	vcpu->arch.tsc_lost_seen = READ_ONCE(lost_in_suspend);
	vcpu->arch.tsc_adjust = 0;
	synchronize(vcpu, 0, false);
}

/* Returns true if the instant's counter is the TSC, so that the two can be given out as a pair. */
static bool instant_of_tsc(struct lodge_instant *now)
{
	u64 before = rdtsc_ordered();

	*now = lodge_instant_now();
	return now->cycles >= before && now->cycles <= rdtsc_ordered() && !check_tsc_unstable();
}

static long get_clock(struct lodge_vm *vm, void __user *argp)
{
	struct kvm_clock_data data = {};
	struct lodge_instant now;
	bool paired = instant_of_tsc(&now);
	unsigned long flags;

	raw_spin_lock_irqsave(&vm->arch.clock_lock, flags);
	data.clock = base_ns(now.raw_ns) + vm->arch.kvmclock_offset;
	raw_spin_unlock_irqrestore(&vm->arch.clock_lock, flags);
	if (paired) {
		data.flags = KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
		data.realtime = now.real_ns;
		data.host_tsc = now.cycles;
	}
	return copy_to_user(argp, &data, sizeof(data)) ? -EFAULT : 0;
}

static long set_clock(struct lodge_vm *vm, const void __user *argp)
{
	struct kvm_clock_data data;
	struct lodge_instant now;
	unsigned long flags;

	if (copy_from_user(&data, argp, sizeof(data)))
		return -EFAULT;
	if (data.flags & ~(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC))
		return -EINVAL;

	now = lodge_instant_now();
	if ((data.flags & KVM_CLOCK_REALTIME) && now.real_ns > data.realtime)
		data.clock += now.real_ns - data.realtime;
	raw_spin_lock_irqsave(&vm->arch.clock_lock, flags);
	vm->arch.kvmclock_offset = data.clock - base_ns(now.raw_ns);
	raw_spin_unlock_irqrestore(&vm->arch.clock_lock, flags);
	return 0;
}

/* 0 asks for the host's own. There is no scaling: another frequency is refused. */
static int wanted_khz(unsigned long arg, u32 *khz)
{
	*khz = (u32)arg ?: tsc_khz;
	return *khz && within_tolerance(*khz) ? 0 : -EINVAL;
}

static long set_default_khz(struct lodge_vm *vm, unsigned long arg)
{
	u32 khz;
	long ret = wanted_khz(arg, &khz);

	if (ret)
		return ret;
	mutex_lock(&vm->lock);
	if (vm->created_vcpus)
		ret = -EINVAL;
	else
		WRITE_ONCE(vm->arch.default_tsc_khz, khz);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * lodge_clock_vm_ioctl() - KVM_GET_CLOCK, KVM_SET_CLOCK, and KVM_GET/SET_TSC_KHZ for vCPUs to come
 * @vm:    the VM
 * @ioctl: number
 * @arg:   its argument
 *
 * Context: may sleep. Return: 0, or kHz; -EFAULT; -EINVAL (unknown flag; a frequency that is not the host's; a vCPU
 * exists); -ENOTTY for another number.
 */
long lodge_clock_vm_ioctl(struct lodge_vm *vm, unsigned int ioctl, unsigned long arg)
{
	switch (ioctl) {
	case KVM_GET_CLOCK:
		return get_clock(vm, (void __user *)arg);
	case KVM_SET_CLOCK:
		return set_clock(vm, (void __user *)arg);
	case KVM_GET_TSC_KHZ:
		return READ_ONCE(vm->arch.default_tsc_khz);
	case KVM_SET_TSC_KHZ:
		return set_default_khz(vm, arg);
	default:
		return -ENOTTY;
	}
}

static long set_khz(struct lodge_vcpu *vcpu, unsigned long arg)
{
	u32 khz;
	long ret = wanted_khz(arg, &khz);

	if (!ret)
		vcpu->arch.tsc_khz = khz;
	return ret;
}

/**
 * lodge_clock_vcpu_ioctl() - KVM_GET_TSC_KHZ, KVM_SET_TSC_KHZ
 * @vcpu:  the vCPU
 * @ioctl: number
 * @arg:   its argument
 *
 * Context: vcpu->mutex. Return: kHz or 0; -EINVAL for a frequency that is not the host's, or for another number.
 */
long lodge_clock_vcpu_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, unsigned long arg)
{
	switch (ioctl) {
	case KVM_GET_TSC_KHZ:
		return vcpu->arch.tsc_khz;
	case KVM_SET_TSC_KHZ:
		return set_khz(vcpu, arg);
	default:
		return -EINVAL;
	}
}

static void use_offset(struct lodge_vcpu *vcpu, u64 offset)
{
	struct lodge_vm_arch *arch = &vcpu->vm->arch;
	unsigned long flags;

	lodge_clock_settle(vcpu);
	raw_spin_lock_irqsave(&arch->clock_lock, flags);
	arch->tsc_user_set = true;
	remember(vcpu, offset);
	raw_spin_unlock_irqrestore(&arch->clock_lock, flags);
	set_offset(vcpu, offset);
}

/**
 * lodge_clock_device_attr() - a vCPU's attributes: KVM_VCPU_TSC_OFFSET
 * @vcpu:  the vCPU
 * @ioctl: KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR or KVM_SET_DEVICE_ATTR
 * @attr:  its argument
 *
 * Context: vcpu->mutex; may sleep. Return: 0; -ENXIO for another attribute; -EFAULT; -EINVAL for another number.
 */
long lodge_clock_device_attr(struct lodge_vcpu *vcpu, unsigned int ioctl, const struct kvm_device_attr *attr)
{
	u64 __user *user = u64_to_user_ptr(attr->addr);
	u64 offset;

	if (attr->group != KVM_VCPU_TSC_CTRL || attr->attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	switch (ioctl) {
	case KVM_HAS_DEVICE_ATTR:
		return 0;
	case KVM_GET_DEVICE_ATTR:
		lodge_clock_settle(vcpu);
		return put_user(vcpu->arch.tsc_offset, user);
	case KVM_SET_DEVICE_ATTR:
		if (get_user(offset, user))
			return -EFAULT;
		use_offset(vcpu, offset);
		return 0;
	default:
		return -EINVAL;
	}
}
