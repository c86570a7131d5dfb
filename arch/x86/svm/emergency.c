// SPDX-License-Identifier: GPL-2.0
/*
 * SVM off in a crash or an emergency reboot.
 *
 * Kernels up to 6.12 have one callback for the hypervisor, and a second owner
 * is a kernel warning. Stock KVM would take it while it loads, before it finds
 * out that it cannot have SVM; and 6.1's leaves a hook of its own behind when
 * it fails that late, which is a kernel BUG at the next attempt. So there
 * kvm_amd is told before it begins.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/string.h>

#include "compat.h"
#include "svm/svm.h"

/* In NMI context, perhaps with GIF still clear: the shootdown came in right after #VMEXIT. */
static void lodge_svm_emergency(void)
{
	lodge_svm_cpu_disable();
}

static int lodge_svm_module_event(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *mod = data;

	if (state != MODULE_STATE_COMING || strcmp(mod->name, "kvm_amd"))
		return NOTIFY_DONE;
	pr_info_ratelimited("kvm_amd cannot load while lodge has SVM: unload lodge first (rmmod lodge)\n");
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block lodge_svm_module_nb = {
	.notifier_call = lodge_svm_module_event,
};

/**
 * lodge_svm_emergency_init() - see that a crash or emergency reboot finds SVM off
 *
 * Context: may sleep; before SVM is enabled on any CPU. Pair: lodge_svm_emergency_exit().
 * Return: 0 or -errno of the module notifier.
 */
int lodge_svm_emergency_init(void)
{
	int err;

	if (!LODGE_EMERGENCY_CALLBACK)
		return 0;
	err = register_module_notifier(&lodge_svm_module_nb);
	if (!err)
		lodge_emergency_register(lodge_svm_emergency);
	return err;
}

/**
 * lodge_svm_emergency_exit() - undo lodge_svm_emergency_init()
 *
 * Context: may sleep; SVM is off on all CPUs.
 */
void lodge_svm_emergency_exit(void)
{
	if (!LODGE_EMERGENCY_CALLBACK)
		return;
	lodge_emergency_unregister(lodge_svm_emergency);
	unregister_module_notifier(&lodge_svm_module_nb);
}
