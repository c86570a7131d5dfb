// SPDX-License-Identifier: GPL-2.0
/*
 * The vCPU's life and its file: creation, mapping, ioctls.
 *
 * A vCPU lives as long as its VM: closing its file gives the VM's reference
 * back, no more. The run loop is vcpu.c.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch_vcpu.h"
#include "arch_vm.h"
#include "compat.h"
#include "guest_work.h"
#include "trace.h"
#include "tree.h"
#include "vcpu.h"
#include "vm.h"

static const struct file_operations lodge_vcpu_fops;

/**
 * lodge_vcpu_from_file() - the vCPU behind a file
 * @file: any file
 *
 * Context: any. Return: the vCPU, which lives as long as @file; NULL if it is another kind of file.
 */
struct lodge_vcpu *lodge_vcpu_from_file(struct file *file)
{
	return file->f_op == &lodge_vcpu_fops ? file->private_data : NULL;
}

/* What user space may have mapped, and what needs no architecture. */
static void vcpu_free(struct lodge_vcpu *vcpu)
{
	lodge_stage2_cache_destroy(&vcpu->table_cache);
	lodge_guest_work_free(vcpu->guest_work);
	free_page((unsigned long)vcpu->pio_data);
	free_page((unsigned long)vcpu->run);
	kvfree(vcpu);
}

static struct lodge_vcpu *vcpu_alloc(struct lodge_vm *vm, unsigned int id)
{
	struct lodge_vcpu *vcpu = kvzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	mutex_init(&vcpu->mutex);
	vcpu->vm = vm;
	vcpu->id = id;
	snprintf(vcpu->stats_id, sizeof(vcpu->stats_id), "kvm-%d/vcpu-%u", task_pid_nr(current), id);

	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->pio_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (vcpu->run)
		vcpu->guest_work = lodge_guest_work_new(vcpu->run);
	if (!vcpu->guest_work || !vcpu->pio_data || lodge_tree_cache_init(&vcpu->table_cache)) {
		vcpu_free(vcpu);
		return ERR_PTR(-ENOMEM);
	}
	lodge_vcpu_init_run(vcpu);
	return vcpu;
}

static void vcpu_destroy(struct lodge_vcpu *vcpu)
{
	lodge_arch_vcpu_destroy(vcpu);
	vcpu_free(vcpu);
}

/**
 * lodge_vcpu_destroy_all() - destroy the vCPUs of a VM that is going away
 * @vm: the VM; none of its files is left
 *
 * Context: may sleep.
 */
void lodge_vcpu_destroy_all(struct lodge_vm *vm)
{
	struct lodge_vcpu *vcpu;
	unsigned long idx;

	lodge_vm_for_each_vcpu(idx, vcpu, vm)
		vcpu_destroy(vcpu);
	xa_destroy(&vm->vcpus);
}

static bool id_is_taken(struct lodge_vm *vm, unsigned int id)
{
	struct lodge_vcpu *vcpu;
	unsigned long idx;

	lodge_vm_for_each_vcpu(idx, vcpu, vm)
		if (vcpu->id == id)
			return true;
	return false;
}

/* The file with its VM reference; the vCPU is still unknown to anybody else. */
static struct file *new_file(struct lodge_vcpu *vcpu)
{
	struct file *file;
	char name[24];

	snprintf(name, sizeof(name), "kvm-vcpu:%u", vcpu->id);
	lodge_vm_get(vcpu->vm);
	file = anon_inode_getfile(name, &lodge_vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file))
		lodge_vm_put(vcpu->vm);
	return file;
}

/*
 * Make the vCPU part of its VM: everything that can fail first, then what
 * others see. The VM keeps the vCPU from then on.
 */
static int publish(struct lodge_vcpu *vcpu)
{
	struct lodge_vm *vm = vcpu->vm;
	struct file *file;
	int fd, err;

	lockdep_assert_held(&vm->lock);

	if (id_is_taken(vm, vcpu->id))
		return -EEXIST;
	vcpu->idx = vm->online_vcpus;
	err = xa_reserve(&vm->vcpus, vcpu->idx, GFP_KERNEL_ACCOUNT);
	if (err)
		return err;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		err = fd;
		goto err_reserve;
	}
	file = new_file(vcpu);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto err_fd;
	}

	xa_store(&vm->vcpus, vcpu->idx, vcpu, 0);
	smp_store_release(&vm->online_vcpus, vcpu->idx + 1);
	/* A VM that was killed meanwhile has told the vCPUs it knew. */
	if (READ_ONCE(vm->dead))
		lodge_vcpu_request(vcpu, LODGE_REQ_VM_DEAD);
	fd_install(fd, file);
	return fd;

err_fd:
	put_unused_fd(fd);
err_reserve:
	xa_release(&vm->vcpus, vcpu->idx);
	return err;
}

/* Take one of the VM's vCPU places, so that the slow part can do without the lock. */
static int reserve_place(struct lodge_vm *vm, unsigned int id)
{
	int err = -EINVAL;

	mutex_lock(&vm->lock);
	if (vm->created_vcpus < LODGE_MAX_VCPUS)
		err = lodge_arch_vcpu_precreate(vm, id);
	if (!err)
		vm->created_vcpus++;
	mutex_unlock(&vm->lock);
	return err;
}

static int create_in_place(struct lodge_vm *vm, unsigned int id)
{
	struct lodge_vcpu *vcpu = vcpu_alloc(vm, id);
	int r;

	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	r = lodge_arch_vcpu_create(vcpu);
	if (r) {
		vcpu_free(vcpu);
		return r;
	}

	mutex_lock(&vm->lock);
	r = publish(vcpu);
	mutex_unlock(&vm->lock);
	if (r < 0)
		vcpu_destroy(vcpu);
	return r;
}

/**
 * lodge_vcpu_create() - KVM_CREATE_VCPU
 * @vm: the VM; caller has checked that it is usable
 * @id: vCPU id
 *
 * Context: may sleep; takes vm->lock.
 * Return: file descriptor; -EINVAL (id or count too large), -EEXIST (id taken), -ENOMEM.
 */
int lodge_vcpu_create(struct lodge_vm *vm, unsigned long id)
{
	int r;

	if (id >= LODGE_MAX_VCPU_ID)
		return -EINVAL;
	r = reserve_place(vm, id);
	if (r)
		return r;
	r = create_in_place(vm, id);
	if (r < 0) {
		mutex_lock(&vm->lock);
		vm->created_vcpus--;
		mutex_unlock(&vm->lock);
	}
	return r;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct lodge_vcpu *vcpu = file->private_data;

	lodge_vm_put(vcpu->vm);
	return 0;
}

static struct page *page_at(struct lodge_vcpu *vcpu, unsigned long pgoff)
{
	switch (pgoff) {
	case LODGE_RUN_PAGE_OFFSET:
		return virt_to_page(vcpu->run);
	case LODGE_PIO_PAGE_OFFSET:
		return virt_to_page(vcpu->pio_data);
	case LODGE_COALESCED_PAGE_OFFSET:
		return virt_to_page(vcpu->vm->coalesced_ring);
	default:
		return lodge_arch_vcpu_mmap_page(vcpu, pgoff);
	}
}

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct page *page = page_at(vmf->vma->vm_file->private_data, vmf->pgoff);

	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

/* Any part may be mapped; what is not there gives SIGBUS when touched. */
static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static long ioctl_run(struct lodge_vcpu *vcpu, unsigned long arg)
{
	int r;

	if (arg)
		return -EINVAL;
	r = lodge_vcpu_run(vcpu);
	trace_kvm_userspace_exit(READ_ONCE(vcpu->run->exit_reason), r);
	lodge_rseq_run_end();
	return r;
}

/* The signals that end a thread whatever it says cannot be masked here either. NULL: no mask. */
static void set_sigmask(struct lodge_vcpu *vcpu, const sigset_t *set)
{
	vcpu->sigset_active = set;
	if (!set)
		return;
	vcpu->sigset = *set;
	sigdelsetmask(&vcpu->sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
}

static noinline long ioctl_set_signal_mask(struct lodge_vcpu *vcpu, struct kvm_signal_mask __user *argp)
{
	struct kvm_signal_mask mask;
	sigset_t set;

	if (!argp) {
		set_sigmask(vcpu, NULL);
		return 0;
	}
	if (copy_from_user(&mask, argp, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, argp->sigset, sizeof(set)))
		return -EFAULT;
	set_sigmask(vcpu, &set);
	return 0;
}

static long arch_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, unsigned long arg)
{
	long r;

	lodge_vcpu_srcu_lock(vcpu);
	r = lodge_arch_vcpu_ioctl(vcpu, ioctl, arg);
	lodge_vcpu_srcu_unlock(vcpu);
	return r;
}

static long locked_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, unsigned long arg)
{
	switch (ioctl) {
	case KVM_RUN:
		return ioctl_run(vcpu, arg);
	case KVM_SET_SIGNAL_MASK:
		return ioctl_set_signal_mask(vcpu, (void __user *)arg);
	case KVM_GET_STATS_FD:
		return lodge_stats_vcpu_fd(vcpu);
	default:
		return arch_ioctl(vcpu, ioctl, arg);
	}
}

/* 0: the caller may go on, and the number is one of KVM's. */
static int check_caller(struct lodge_vcpu *vcpu, unsigned int ioctl)
{
	int err = lodge_vm_usable(vcpu->vm);

	if (!err && _IOC_TYPE(ioctl) != KVMIO)
		err = -EINVAL;
	return err;
}

static long vcpu_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct lodge_vcpu *vcpu = file->private_data;
	long r = check_caller(vcpu, ioctl);

	if (r)
		return r;
	if (ioctl != KVM_RUN) {
		r = lodge_arch_vcpu_async_ioctl(vcpu, ioctl, arg);
		if (r != -ENOIOCTLCMD)
			return r;
	}

	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	r = locked_ioctl(vcpu, ioctl, arg);
	mutex_unlock(&vcpu->mutex);
	return r;
}

#ifdef CONFIG_COMPAT
static long compat_set_signal_mask(struct lodge_vcpu *vcpu, struct kvm_signal_mask __user *argp)
{
	struct kvm_signal_mask mask;
	sigset_t set;

	if (!argp) {
		set_sigmask(vcpu, NULL);
		return 0;
	}
	if (copy_from_user(&mask, argp, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(compat_sigset_t))
		return -EINVAL;
	if (get_compat_sigset(&set, (compat_sigset_t __user *)argp->sigset))
		return -EFAULT;
	set_sigmask(vcpu, &set);
	return 0;
}

static long vcpu_compat_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct lodge_vcpu *vcpu = file->private_data;
	long r;

	if (ioctl != KVM_SET_SIGNAL_MASK)
		return vcpu_ioctl(file, ioctl, arg);

	r = check_caller(vcpu, ioctl);
	if (r)
		return r;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	r = compat_set_signal_mask(vcpu, compat_ptr(arg));
	mutex_unlock(&vcpu->mutex);
	return r;
}
#endif

static const struct file_operations lodge_vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vcpu_compat_ioctl,
#endif
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};
