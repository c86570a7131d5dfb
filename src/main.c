// SPDX-License-Identifier: GPL-2.0
/*
 * The order of coming and going.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>

#include "arch_host.h"
#include "dev.h"
#include "guard.h"
#include "stage2_mem.h"
#include "vm.h"

static int __init lodge_init(void)
{
	int err;

	err = lodge_guard_init();
	if (err)
		return err;
	err = lodge_vm_init();
	if (err)
		goto err_guard;
	err = lodge_arch_host_init();
	if (err)
		goto err_vm;
	err = lodge_dev_init();
	if (err)
		goto err_host;

	lodge_guard_open();
	pr_info("ready on /dev/lodge\n");
	return 0;

err_host:
	lodge_arch_host_exit();
err_vm:
	lodge_vm_exit();
err_guard:
	lodge_guard_exit();
	return err;
}

/* No file is open any more, so no VM is left; tables may still wait for their RCU grace period. */
static void __exit lodge_exit(void)
{
	lodge_dev_exit();
	lodge_arch_host_exit();
	lodge_stage2_mem_exit();
	lodge_vm_exit();
	lodge_guard_exit();
}

module_init(lodge_init);
module_exit(lodge_exit);

MODULE_DESCRIPTION("Hypervisor core with the KVM ABI on /dev/lodge");
MODULE_AUTHOR("The Lodge developers");
MODULE_LICENSE("GPL");
