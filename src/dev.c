// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/lodge and the ioctls of the system file.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "arch_types.h"
#include "arch_vm.h"
#include "dev.h"
#include "vm.h"

/**
 * lodge_dev_ioctl() - ioctl on the system file
 * @file: /dev/lodge, or /dev/kvm if that is the working node too
 * @ioctl: number
 * @arg: its argument
 *
 * The 32-bit forms are the same. Context: may sleep.
 * Return: what KVM returns for each.
 */
long lodge_dev_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	switch (ioctl) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return lodge_vm_create(arg);
	case KVM_CHECK_EXTENSION:
		return lodge_vm_check_extension(NULL, arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : LODGE_RUN_PAGES * PAGE_SIZE;
	default:
		return lodge_arch_dev_ioctl(ioctl, arg);
	}
}

static const struct file_operations lodge_dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = lodge_dev_ioctl,
	.compat_ioctl = lodge_dev_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice lodge_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "lodge",
	.fops = &lodge_dev_fops,
	.mode = 0660,
};

/**
 * lodge_dev_init() - make /dev/lodge
 *
 * Users may come in before it returns, so everything else is ready by then.
 * Context: module init. Pair: lodge_dev_exit(). Return: 0 or -errno, explained in the log.
 */
int lodge_dev_init(void)
{
	int err = misc_register(&lodge_dev);

	if (err)
		pr_err("cannot make /dev/lodge (%d): look for another device or module of this name\n", err);
	return err;
}

/**
 * lodge_dev_exit() - take /dev/lodge away
 *
 * Context: module exit.
 */
void lodge_dev_exit(void)
{
	misc_deregister(&lodge_dev);
}
