// SPDX-License-Identifier: GPL-2.0
/*
 * The guard: why Lodge may not load here, and the entry on KVM's own minor.
 *
 * Lodge and stock KVM exclude each other on minor 232, which whoever comes
 * first claims before it touches any processor state. A bare kvm.ko, which
 * does not have the minor yet, excludes Lodge too: both have tracepoints of
 * the same names.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/utsname.h>

#include "compat.h"
#include "dev.h"
#include "guard.h"

static char *device = "lodge";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "lodge: serve /dev/lodge alone (default); kvm: serve /dev/kvm too, for programs that know no other name");

static bool allow_unknown_kernel;
module_param(allow_unknown_kernel, bool, 0444);
MODULE_PARM_DESC(allow_unknown_kernel, "load on kernels that this Lodge was not made for");

static bool serve_kvm;		/* device=kvm */
static bool is_open;		/* everything is ready */

static int guard_open(struct inode *inode, struct file *file)
{
	if (serve_kvm && smp_load_acquire(&is_open))	/* pairs with lodge_guard_open() */
		return 0;
	pr_info_ratelimited("/dev/kvm is not stock KVM's while lodge is loaded: use /dev/lodge (QEMU: -accel kvm,device=/dev/lodge), or load lodge with device=kvm\n");
	return -EBUSY;
}

/* Reached only through a file that guard_open() let in. */
static const struct file_operations guard_fops = {
	.owner = THIS_MODULE,
	.open = guard_open,
	.unlocked_ioctl = lodge_dev_ioctl,
	.compat_ioctl = lodge_dev_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice guard_dev = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &guard_fops,
};

/* By a symbol that every kvm.ko exports, built in or not. */
static bool kvm_is_loaded(void)
{
	static const char symbol[] = "kvm_put_kvm";

	if (!__symbol_get(symbol))
		return false;
	__symbol_put(symbol);
	return true;
}

static int check_kernel(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_err("this kernel is of the PREEMPT_RT flavour, which Lodge does not support: boot another flavour\n");
		return -EOPNOTSUPP;
	}
	if (!LODGE_KERNEL_KNOWN && !allow_unknown_kernel) {
		pr_err("made for kernels " LODGE_KERNEL_RANGE ", this is %s: get a newer Lodge, or try allow_unknown_kernel=1\n",
		       init_utsname()->release);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int check_device_parameter(void)
{
	serve_kvm = !strcmp(device, "kvm");
	if (serve_kvm || !strcmp(device, "lodge"))
		return 0;
	pr_err("device=%s: the choices are lodge and kvm\n", device);
	return -EINVAL;
}

/**
 * lodge_guard_init() - refuse to load where Lodge must not, and claim KVM's minor
 *
 * Opening it fails until lodge_guard_open(). Context: module init, first of
 * all. Pair: lodge_guard_exit().
 * Return: 0; -EOPNOTSUPP (kernel), -EINVAL (parameter), -EBUSY (stock KVM is
 * loaded). Each is explained in the log.
 */
int lodge_guard_init(void)
{
	int err;

	err = check_kernel();
	if (err)
		return err;
	err = check_device_parameter();
	if (err)
		return err;

	err = kvm_is_loaded() ? -EBUSY : misc_register(&guard_dev);
	if (err == -EBUSY || err == -EEXIST) {
		pr_err("stock KVM is loaded: unload it first (rmmod kvm_amd kvm_intel kvm), and keep it out with a blacklist in modprobe.d\n");
		return -EBUSY;
	}
	if (err)
		pr_err("cannot claim KVM's device number (%d)\n", err);
	return err;
}

/**
 * lodge_guard_open() - let users of /dev/kvm in, if the administrator wants that
 *
 * Context: module init, last of all.
 */
void lodge_guard_open(void)
{
	smp_store_release(&is_open, true);	/* pairs with guard_open() */
}

/**
 * lodge_guard_exit() - give KVM's minor back
 *
 * Context: module exit, last of all.
 */
void lodge_guard_exit(void)
{
	misc_deregister(&guard_dev);
}
