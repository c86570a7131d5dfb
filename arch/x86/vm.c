// SPDX-License-Identifier: GPL-2.0
/*
 * What x86 adds to the system and VM files.
 */
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/stddef.h>
#include <linux/uaccess.h>

#include "arch_vm.h"
#include "clock.h"
#include "cpuid.h"
#include "mce.h"
#include "msr.h"
#include "msr_filter.h"
#include "svm/svm.h"
#include "vm.h"
#include "xstate.h"

#define MSR_EXIT_REASONS (KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER)

#define GUEST_DEBUG_FLAGS (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP | \
			   KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP | \
			   KVM_GUESTDBG_BLOCKIRQ)

/* Three pages for the TSS must fit below 4 GiB. */
#define TSS_ADDR_MAX	((unsigned int)(-3 * PAGE_SIZE))

/**
 * lodge_arch_vm_init() - what an x86 VM needs
 * @vm:   a new VM
 * @type: argument of KVM_CREATE_VM; 0 is the only kind
 *
 * Context: may sleep. Pair: lodge_arch_vm_destroy(). Return: 0; -EINVAL; -ENOMEM.
 */
int lodge_arch_vm_init(struct lodge_vm *vm, unsigned long type)
{
	if (type)
		return -EINVAL;
	lodge_clock_vm_init(vm);
	return lodge_svm_vm_create(vm);
}

/**
 * lodge_arch_vm_destroy() - give it back
 * @vm: the VM; its vCPUs are gone
 *
 * Context: may sleep.
 */
void lodge_arch_vm_destroy(struct lodge_vm *vm)
{
	lodge_msr_filter_free(vm);
	lodge_svm_vm_free(vm);
}

static long give_mce_cap(void __user *argp)
{
	u64 cap = lodge_mce_supported();

	return copy_to_user(argp, &cap, sizeof(cap)) ? -EFAULT : 0;
}

/* One attribute: the state components that a guest's XCR0 can have. */
static long device_attr(unsigned int ioctl, void __user *argp)
{
	struct kvm_device_attr attr;
	u64 xcr0 = lodge_cpuid_xcr0_supported();

	if (copy_from_user(&attr, argp, sizeof(attr)))
		return -EFAULT;
	if (attr.group || attr.attr != KVM_X86_XCOMP_GUEST_SUPP)
		return -ENXIO;
	if (ioctl == KVM_HAS_DEVICE_ATTR)
		return 0;
	return copy_to_user(u64_to_user_ptr(attr.addr), &xcr0, sizeof(xcr0)) ? -EFAULT : 0;
}

/**
 * lodge_arch_dev_ioctl() - the system file's x86 calls
 * @ioctl: number
 * @arg:   its argument
 *
 * Context: may sleep. Return: what KVM returns; -EINVAL for an unknown number.
 */
long lodge_arch_dev_ioctl(unsigned int ioctl, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (ioctl) {
	case KVM_GET_SUPPORTED_CPUID:
		return lodge_cpuid_get_supported(argp);
	case KVM_GET_MSR_INDEX_LIST:
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
	case KVM_GET_MSRS:
		return lodge_msr_list_ioctl(ioctl, argp);
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		return give_mce_cap(argp);
	case KVM_GET_DEVICE_ATTR:
	case KVM_HAS_DEVICE_ATTR:
		return device_attr(ioctl, argp);
	default:
		return -EINVAL;
	}
}

/* SVM runs real mode without help, so nothing is put there. */
static long set_tss_addr(struct lodge_vm *vm, unsigned long addr)
{
	if (addr > TSS_ADDR_MAX)
		return -EINVAL;
	mutex_lock(&vm->lock);
	vm->arch.tss_addr = addr;
	mutex_unlock(&vm->lock);
	return 0;
}

/* Likewise. */
static long set_identity_map_addr(struct lodge_vm *vm, const void __user *argp)
{
	long ret = 0;
	u64 addr;

	mutex_lock(&vm->lock);
	if (vm->created_vcpus)
		ret = -EINVAL;
	else if (copy_from_user(&addr, argp, sizeof(addr)))
		ret = -EFAULT;
	else
		vm->arch.identity_map_addr = addr;
	mutex_unlock(&vm->lock);
	return ret;
}

static long set_boot_cpu_id(struct lodge_vm *vm, unsigned long id)
{
	long ret = 0;

	mutex_lock(&vm->lock);
	if (vm->created_vcpus)
		ret = -EBUSY;
	else if (id > LODGE_MAX_VCPU_ID || (vm->arch.max_vcpu_ids && id > vm->arch.max_vcpu_ids))
		ret = -EINVAL;
	else
		vm->arch.boot_cpu_id = id;
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * lodge_arch_vm_ioctl() - the VM file's x86 calls
 * @vm:    the VM
 * @ioctl: number
 * @arg:   its argument
 *
 * Context: may sleep. Return: what KVM returns; -ENOTTY for an unknown number.
 */
long lodge_arch_vm_ioctl(struct lodge_vm *vm, unsigned int ioctl, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (ioctl) {
	case KVM_SET_TSS_ADDR:
		return set_tss_addr(vm, arg);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return set_identity_map_addr(vm, argp);
	case KVM_SET_BOOT_CPU_ID:
		return set_boot_cpu_id(vm, arg);
	case KVM_X86_SET_MSR_FILTER:
		return lodge_msr_filter_set(vm, argp, false);
	default:
		return lodge_clock_vm_ioctl(vm, ioctl, arg);
	}
}

/**
 * lodge_arch_vm_compat_ioctl() - VM file calls whose 32-bit form differs
 * @vm:    the VM
 * @ioctl: number, which differs too
 * @arg:   its argument
 *
 * Context: may sleep. Return: as the 64-bit form; -ENOIOCTLCMD if there is only that.
 */
long lodge_arch_vm_compat_ioctl(struct lodge_vm *vm, unsigned int ioctl, unsigned long arg)
{
	switch (ioctl) {
	case LODGE_X86_SET_MSR_FILTER_COMPAT:
		return lodge_msr_filter_set(vm, (void __user *)arg, true);
	default:
		return -ENOIOCTLCMD;
	}
}

/**
 * lodge_arch_check_extension() - KVM_CHECK_EXTENSION for what is x86's
 * @vm:  the VM, or NULL for the system file
 * @cap: KVM_CAP_*
 *
 * Context: any. Return: the capability's value; 0 if it is not there.
 */
int lodge_arch_check_extension(struct lodge_vm *vm, long cap)
{
	switch (cap) {
	case KVM_CAP_DEBUGREGS:
	case KVM_CAP_EXCEPTION_PAYLOAD:
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
	case KVM_CAP_EXT_CPUID:
	case KVM_CAP_GET_MSR_FEATURES:
	case KVM_CAP_GET_TSC_KHZ:
	case KVM_CAP_HLT:
	case KVM_CAP_LAST_CPU:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_NOP_IO_DELAY:
	case KVM_CAP_SET_BOOT_CPU_ID:
	case KVM_CAP_SET_GUEST_DEBUG:
	case KVM_CAP_SET_IDENTITY_MAP_ADDR:
	case KVM_CAP_SET_TSS_ADDR:
	case KVM_CAP_SREGS2:
	case KVM_CAP_SYS_ATTRIBUTES:
	case KVM_CAP_USER_NMI:
	case KVM_CAP_VCPU_ATTRIBUTES:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_X86_MSR_FILTER:
	case KVM_CAP_X86_ROBUST_SINGLESTEP:
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
	case KVM_CAP_X86_USER_SPACE_MSR:
	case KVM_CAP_XCRS:
	case KVM_CAP_XSAVE:
		return 1;
	case KVM_CAP_ADJUST_CLOCK:
		return KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
	case KVM_CAP_MCE:
		return LODGE_MCE_BANKS;
	case KVM_CAP_SET_GUEST_DEBUG2:
		return GUEST_DEBUG_FLAGS;
	case KVM_CAP_SYNC_REGS:
		return KVM_SYNC_X86_VALID_FIELDS;
	case KVM_CAP_XSAVE2:
		return lodge_xstate_size();
	default:
		return 0;
	}
}

static int enable_user_space_msr(struct lodge_vm *vm, u64 reasons)
{
	if (reasons & ~(u64)MSR_EXIT_REASONS)
		return -EINVAL;
	WRITE_ONCE(vm->arch.user_space_msr_mask, reasons);
	return 0;
}

static int enable_exit_on_emulation_failure(struct lodge_vm *vm, u64 arg)
{
	if (arg & ~1ull)
		return -EINVAL;
	WRITE_ONCE(vm->arch.exit_on_emulation_failure, arg);
	return 0;
}

/* Given once; giving the same again is no error. */
static int enable_max_vcpu_id(struct lodge_vm *vm, u64 max)
{
	if (max > LODGE_MAX_VCPU_ID || vm->arch.boot_cpu_id > max)
		return -EINVAL;
	if (vm->arch.max_vcpu_ids)
		return vm->arch.max_vcpu_ids == max ? 0 : -EINVAL;
	vm->arch.max_vcpu_ids = max;
	return 0;
}

static int enable_cap(struct lodge_vm *vm, const struct kvm_enable_cap *cap)
{
	switch (cap->cap) {
	case KVM_CAP_EXCEPTION_PAYLOAD:
		WRITE_ONCE(vm->arch.exception_payload, cap->args[0]);
		return 0;
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		return enable_exit_on_emulation_failure(vm, cap->args[0]);
	case KVM_CAP_MAX_VCPU_ID:
		return enable_max_vcpu_id(vm, cap->args[0]);
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		WRITE_ONCE(vm->arch.triple_fault_event, cap->args[0]);
		return 0;
	case KVM_CAP_X86_USER_SPACE_MSR:
		return enable_user_space_msr(vm, cap->args[0]);
	default:
		return -EINVAL;
	}
}

/**
 * lodge_arch_vm_enable_cap() - KVM_ENABLE_CAP for what is x86's
 * @vm:  the VM
 * @cap: its argument, a copy
 *
 * Context: may sleep. Return: 0; -EINVAL for an unknown capability, flag or argument.
 */
int lodge_arch_vm_enable_cap(struct lodge_vm *vm, const struct kvm_enable_cap *cap)
{
	int ret;

	if (cap->flags)
		return -EINVAL;
	mutex_lock(&vm->lock);
	ret = enable_cap(vm, cap);
	mutex_unlock(&vm->lock);
	return ret;
}
