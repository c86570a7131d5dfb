// SPDX-License-Identifier: GPL-2.0
/*
 * Offsets that switch.S uses; turned into offsets.h by the build.
 */
#define COMPILE_OFFSETS

#include <linux/kbuild.h>
#include <linux/stddef.h>

#include "vcpu.h"

int main(void);

int main(void)
{
	OFFSET(LODGE_VCPU_REGS, lodge_vcpu, arch.regs);
	OFFSET(LODGE_VCPU_VMCB_PA, lodge_vcpu, arch.vmcb_pa);
	OFFSET(LODGE_VCPU_SPEC_CTRL, lodge_vcpu, arch.spec_ctrl);
	return 0;
}
