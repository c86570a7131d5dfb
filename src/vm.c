// SPDX-License-Identifier: GPL-2.0
/*
 * The VM object: life, ioctls, capabilities.
 *
 * Documentation/lifetimes.rst has the order of teardown.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/lodge.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "arch_vm.h"
#include "coalesced.h"
#include "dirty_log.h"
#include "ioeventfd.h"
#include "notifier.h"
#include "vcpu.h"
#include "vm.h"

/* Routes that KVM_SET_GSI_ROUTING may name where there is an interrupt controller. */
#define MAX_IRQ_ROUTES	4096

/* Which CPUs a flush interrupts. The caller's CPU lends its mask, with preemption off. */
static DEFINE_PER_CPU(cpumask_var_t, flush_mask);

static const struct file_operations lodge_vm_fops;

/**
 * lodge_vm_get() - take a reference
 * @vm: a VM that the caller holds a reference to
 *
 * Context: any. Pair: lodge_vm_put(). Return: @vm.
 */
struct lodge_vm *lodge_vm_get(struct lodge_vm *vm)
{
	refcount_inc(&vm->users);
	return vm;
}

static void vm_free(struct lodge_vm *vm)
{
	free_page((unsigned long)vm->coalesced_ring);
	srcu_barrier(&vm->srcu);
	cleanup_srcu_struct(&vm->srcu);
	mmdrop(vm->mm);
	kvfree(vm);
}

/* Nobody has a file of the VM or of its vCPUs any more; only the mm's notifier still knows it. */
static void vm_destroy(struct lodge_vm *vm)
{
	lodge_notifier_unregister(vm);
	lodge_vcpu_destroy_all(vm);
	lodge_io_bus_destroy(vm);
	lodge_arch_vm_destroy(vm);
	lodge_memslot_vm_destroy(vm);
	vm_free(vm);
}

/**
 * lodge_vm_put() - give a reference back; the last one destroys the VM
 * @vm: the VM
 *
 * Context: may sleep.
 */
void lodge_vm_put(struct lodge_vm *vm)
{
	if (refcount_dec_and_test(&vm->users))
		vm_destroy(vm);
}

/* Everything that needs no undoing but vm_free(). */
static struct lodge_vm *vm_alloc(unsigned long type)
{
	struct lodge_vm *vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (!vm)
		return NULL;
	vm->coalesced_ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vm->coalesced_ring || init_srcu_struct(&vm->srcu)) {
		free_page((unsigned long)vm->coalesced_ring);
		kvfree(vm);
		return NULL;
	}

	refcount_set(&vm->users, 1);
	mutex_init(&vm->lock);
	mutex_init(&vm->slots_lock);
	rwlock_init(&vm->mmu_lock);
	spin_lock_init(&vm->mn_lock);
	raw_spin_lock_init(&vm->coalesced_lock);
	rcuwait_init(&vm->mn_wait);
	xa_init_flags(&vm->vcpus, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&vm->ioeventfds);
	INIT_LIST_HEAD(&vm->coalesced_zones);
	vm->type = type;
	vm->mm = current->mm;
	mmgrab(vm->mm);
	snprintf(vm->stats_id, sizeof(vm->stats_id), "kvm-%d", task_pid_nr(current));
	return vm;
}

static struct lodge_vm *vm_new(unsigned long type)
{
	struct lodge_vm *vm = vm_alloc(type);
	int err;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	err = lodge_memslot_vm_init(vm);
	if (err)
		goto err_free;
	err = lodge_arch_vm_init(vm, type);
	if (err)
		goto err_slots;
	err = lodge_notifier_register(vm);
	if (err)
		goto err_arch;
	return vm;

err_arch:
	lodge_arch_vm_destroy(vm);
err_slots:
	lodge_memslot_vm_destroy(vm);
err_free:
	vm_free(vm);
	return ERR_PTR(err);
}

/**
 * lodge_vm_create() - KVM_CREATE_VM
 * @type: the ioctl's argument
 *
 * Context: may sleep.
 * Return: a file descriptor; -EINVAL (type), -ENOMEM, -EMFILE and the like.
 */
int lodge_vm_create(unsigned long type)
{
	struct lodge_vm *vm;
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	vm = vm_new(type);
	if (IS_ERR(vm)) {
		put_unused_fd(fd);
		return PTR_ERR(vm);
	}
	file = anon_inode_getfile("kvm-vm", &lodge_vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		lodge_vm_put(vm);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

static int vm_release(struct inode *inode, struct file *file)
{
	lodge_vm_put(file->private_data);
	return 0;
}

/**
 * lodge_vm_kill() - end a VM in which a bug was found
 * @vm: the VM
 * @why: what was found, for the log
 *
 * Its vCPUs leave with -EIO, and so does every later ioctl. The first call
 * reports. Context: any but NMI.
 */
void lodge_vm_kill(struct lodge_vm *vm, const char *why)
{
	struct lodge_vcpu *vcpu;
	unsigned long idx;

	if (cmpxchg(&vm->dead, false, true))
		return;
	pr_err_ratelimited("%s: VM stopped: %s\n", vm->stats_id, why);
	lodge_vm_for_each_vcpu(idx, vcpu, vm) {
		lodge_vcpu_request(vcpu, LODGE_REQ_VM_DEAD);
		lodge_vcpu_kick(vcpu);
	}
}

/**
 * lodge_vm_usable() - may the caller use this VM's files?
 * @vm: the VM
 *
 * Context: process. Return: 0; -EIO if the VM is dead or another process made it.
 */
int lodge_vm_usable(struct lodge_vm *vm)
{
	return vm->mm == current->mm && !READ_ONCE(vm->dead) ? 0 : -EIO;
}

/* The interrupt itself ends guest mode; the request is seen before the next entry. */
static void flush_ipi(void *unused)
{
}

/**
 * lodge_vm_flush_tlbs() - no vCPU of the VM uses translations from before the call
 * @vm: the VM
 *
 * A vCPU that is not in guest mode sees the request on its way in. One that is
 * gets an interrupt, and the call returns when it was taken. Context:
 * interrupts on; vm->mmu_lock may be held.
 */
void lodge_vm_flush_tlbs(struct lodge_vm *vm)
{
	struct lodge_vcpu *vcpu;
	struct cpumask *mask;
	unsigned long idx;
	int me = get_cpu();

	mask = per_cpu(flush_mask, me);
	cpumask_clear(mask);
	lodge_vm_for_each_vcpu(idx, vcpu, vm) {
		lodge_vcpu_request(vcpu, LODGE_REQ_TLB_FLUSH);
		smp_mb__after_atomic();	/* request before mode; the vCPU sets mode, then looks at requests */
		/* Acquire: the CPU was written before the mode. */
		if (smp_load_acquire(&vcpu->mode) != LODGE_OUTSIDE_GUEST)
			cpumask_set_cpu(READ_ONCE(vcpu->cpu), mask);
	}
	vm->stats.remote_tlb_flush_requests++;
	if (!cpumask_empty(mask)) {
		smp_call_function_many(mask, flush_ipi, NULL, true);
		vm->stats.remote_tlb_flush++;
	}
	put_cpu();
}

/**
 * lodge_vm_check_extension() - KVM_CHECK_EXTENSION
 * @vm: the VM, or NULL for the system file
 * @cap: KVM_CAP_*
 *
 * Context: process. Return: the capability's value; 0 if it is not there.
 */
int lodge_vm_check_extension(struct lodge_vm *vm, long cap)
{
	switch (cap) {
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_USER_MEMORY2:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_SYNC_MMU:
	case KVM_CAP_INTERNAL_ERROR_DATA:
	case KVM_CAP_IOEVENTFD:
	case KVM_CAP_IOEVENTFD_NO_LENGTH:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_COALESCED_PIO:
	case KVM_CAP_SIGNAL_MSI:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_BINARY_STATS_FD:
		return 1;
	case KVM_CAP_COALESCED_MMIO:
		return LODGE_COALESCED_PAGE_OFFSET;
	case KVM_CAP_IRQ_ROUTING:
		return MAX_IRQ_ROUTES;
	case KVM_CAP_NR_MEMSLOTS:
		return LODGE_USER_MEM_SLOTS;
	case KVM_CAP_NR_VCPUS:
		return min_t(int, num_online_cpus(), LODGE_MAX_VCPUS);
	case KVM_CAP_MAX_VCPUS:
		return LODGE_MAX_VCPUS;
	case KVM_CAP_MAX_VCPU_ID:
		return LODGE_MAX_VCPU_ID;
	default:
		return lodge_arch_check_extension(vm, cap);
	}
}

static long ioctl_enable_cap(struct lodge_vm *vm, void __user *argp)
{
	struct kvm_enable_cap cap;

	if (copy_from_user(&cap, argp, sizeof(cap)))
		return -EFAULT;
	return lodge_arch_vm_enable_cap(vm, &cap);
}

/* The older form is the newer one's beginning, and has only the flags of its time. */
static long ioctl_set_region(struct lodge_vm *vm, unsigned int ioctl, void __user *argp)
{
	struct kvm_userspace_memory_region2 mem = {};

	static_assert(offsetof(struct kvm_userspace_memory_region2, userspace_addr) ==
		      offsetof(struct kvm_userspace_memory_region, userspace_addr));

	if (copy_from_user(&mem, argp, _IOC_SIZE(ioctl)))
		return -EFAULT;
	if (ioctl == KVM_SET_USER_MEMORY_REGION && (mem.flags & ~(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)))
		return -EINVAL;
	return lodge_memslot_set_region(vm, &mem);
}

static long ioctl_get_dirty_log(struct lodge_vm *vm, void __user *argp)
{
	struct kvm_dirty_log log;

	if (copy_from_user(&log, argp, sizeof(log)))
		return -EFAULT;
	return lodge_dirty_log_get(vm, &log);
}

static long ioctl_coalesced(struct lodge_vm *vm, unsigned int ioctl, void __user *argp)
{
	struct kvm_coalesced_mmio_zone zone;

	if (copy_from_user(&zone, argp, sizeof(zone)))
		return -EFAULT;
	if (ioctl == KVM_REGISTER_COALESCED_MMIO)
		return lodge_coalesced_register(vm, &zone);
	return lodge_coalesced_unregister(vm, &zone);
}

static long ioctl_ioeventfd(struct lodge_vm *vm, void __user *argp)
{
	struct kvm_ioeventfd args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return lodge_ioeventfd_set(vm, &args);
}

/* What acts on an interrupt controller in the kernel, on a VM that has none: KVM reads the argument, then refuses. */
static long ioctl_needs_irqchip(void __user *argp, size_t bytes)
{
	u8 arg[sizeof(struct kvm_msi)];

	return copy_from_user(arg, argp, min(bytes, sizeof(arg))) ? -EFAULT : -EINVAL;
}

static long vm_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct lodge_vm *vm = file->private_data;
	void __user *argp = (void __user *)arg;
	int err = lodge_vm_usable(vm);

	if (err)
		return err;

	switch (ioctl) {
	case KVM_CHECK_EXTENSION:
		return lodge_vm_check_extension(vm, arg);
	case KVM_ENABLE_CAP:
		return ioctl_enable_cap(vm, argp);
	case KVM_CREATE_VCPU:
		return lodge_vcpu_create(vm, arg);
	case KVM_SET_USER_MEMORY_REGION:
	case KVM_SET_USER_MEMORY_REGION2:
		return ioctl_set_region(vm, ioctl, argp);
	case KVM_GET_DIRTY_LOG:
		return ioctl_get_dirty_log(vm, argp);
	case KVM_REGISTER_COALESCED_MMIO:
	case KVM_UNREGISTER_COALESCED_MMIO:
		return ioctl_coalesced(vm, ioctl, argp);
	case KVM_IOEVENTFD:
		return ioctl_ioeventfd(vm, argp);
	case KVM_SIGNAL_MSI:
		return ioctl_needs_irqchip(argp, sizeof(struct kvm_msi));
	case KVM_SET_GSI_ROUTING:
		return ioctl_needs_irqchip(argp, sizeof(struct kvm_irq_routing));
	case KVM_GET_STATS_FD:
		return lodge_stats_vm_fd(vm);
	default:
		return lodge_arch_vm_ioctl(vm, ioctl, arg);
	}
}

#ifdef CONFIG_COMPAT
struct compat_dirty_log {
	u32 slot;
	u32 padding1;
	union {
		compat_uptr_t dirty_bitmap;
		u64 padding2;
	};
};

static long compat_get_dirty_log(struct lodge_vm *vm, void __user *argp)
{
	struct compat_dirty_log compat;
	struct kvm_dirty_log log = {};

	if (copy_from_user(&compat, argp, sizeof(compat)))
		return -EFAULT;
	log.slot = compat.slot;
	log.padding1 = compat.padding1;
	log.padding2 = compat.padding2;
	log.dirty_bitmap = compat_ptr(compat.dirty_bitmap);
	return lodge_dirty_log_get(vm, &log);
}

static long vm_compat_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct lodge_vm *vm = file->private_data;
	long r = lodge_vm_usable(vm);

	if (r)
		return r;
	if (ioctl == KVM_GET_DIRTY_LOG)
		return compat_get_dirty_log(vm, compat_ptr(arg));
	r = lodge_arch_vm_compat_ioctl(vm, ioctl, arg);
	if (r != -ENOIOCTLCMD)
		return r;
	return vm_ioctl(file, ioctl, arg);
}
#endif

static const struct file_operations lodge_vm_fops = {
	.owner = THIS_MODULE,
	.release = vm_release,
	.unlocked_ioctl = vm_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vm_compat_ioctl,
#endif
	.llseek = noop_llseek,
};

/**
 * lodge_vm_init() - set up what all VMs share
 *
 * Context: module init, may sleep. Pair: lodge_vm_exit().
 * Return: 0; -ENOMEM, explained in the log.
 */
int lodge_vm_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (!zalloc_cpumask_var_node(&per_cpu(flush_mask, cpu), GFP_KERNEL, cpu_to_node(cpu))) {
			pr_err("no memory for CPU masks\n");
			lodge_vm_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * lodge_vm_exit() - undo lodge_vm_init()
 *
 * Context: module exit, may sleep; no VM is left.
 */
void lodge_vm_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		free_cpumask_var(per_cpu(flush_mask, cpu));
}
