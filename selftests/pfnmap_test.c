// SPDX-License-Identifier: GPL-2.0
/*
 * Slots over mappings that have no ordinary pages behind them.
 * CVE-2021-22543: such pages were taken for counted ones and freed in use.
 */
#include <dirent.h>

#include "lodge_test.h"

#define PAGE 4096UL
#define GPA 0x1000000UL
#define ROM 0xf0000UL

LODGE_GUEST_FIXTURE(pfnmap);

static LODGE_GUEST_FN void read_words(uint64_t arg)
{
	volatile uint32_t *p = (uint32_t *)GPA;
	uint64_t i;

	for (;;)
		for (i = 0; i < 4; i++)
			lodge_guest_say(p[i * PAGE / 4]);
}

static void *map_rom(void)
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd >= 0) {
		map = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, ROM);
		close(fd);
	}
	return map;
}

static void *map_bar(void)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	void *map = MAP_FAILED;
	struct dirent *e;

	while (dir && map == MAP_FAILED && (e = readdir(dir))) {
		char path[512];
		int nr, fd;

		for (nr = 0; nr < 6 && map == MAP_FAILED; nr++) {
			snprintf(path, sizeof(path),
				 "/sys/bus/pci/devices/%s/resource%d",
				 e->d_name, nr);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd < 0)
				continue;
			map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
			close(fd);
		}
	}
	if (dir)
		closedir(dir);
	return map;
}

TEST_F(pfnmap, firmware_is_read_and_unmapped_in_use)
{
	uint32_t *rom = map_rom();
	int i, ret;

	if (rom == MAP_FAILED)
		SKIP(return, "/dev/mem cannot be mapped: %s", strerror(errno));
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, KVM_MEM_READONLY,
					 GPA, 4 * PAGE, rom));
	lodge_guest_call(&self->guest.vcpu, read_words, 0);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(rom[i % 4 * PAGE / 4],
			  lodge_vcpu_expect_out(&self->guest.vcpu,
						LODGE_GUEST_PORT));
	}
	ASSERT_EQ(0, munmap(rom, 4 * PAGE));
	ret = lodge_vcpu_run(&self->guest.vcpu);
	ASSERT_EQ(-EFAULT, ret);
}

TEST_F(pfnmap, writable_slot_over_a_read_only_mapping)
{
	uint32_t *rom = map_rom();

	if (rom == MAP_FAILED)
		SKIP(return, "/dev/mem cannot be mapped: %s", strerror(errno));
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA, 4 * PAGE,
					 rom));
	lodge_guest_call(&self->guest.vcpu, read_words, 0);
	ASSERT_EQ(rom[0], lodge_vcpu_expect_out(&self->guest.vcpu,
						LODGE_GUEST_PORT));
}

TEST_F(pfnmap, device_registers_are_reached_and_unmapped_in_use)
{
	uint32_t *bar = map_bar();
	int i;

	if (bar == MAP_FAILED)
		SKIP(return, "no PCI device with registers that can be mapped");
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA,
						 PAGE, bar));
		lodge_guest_call(&self->guest.vcpu, read_words, 0);
		lodge_vcpu_expect_out(&self->guest.vcpu, LODGE_GUEST_PORT);
		lodge_vcpu_expect(&self->guest.vcpu, KVM_EXIT_MMIO);
		ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, 0, 0,
						 NULL));
	}
	ASSERT_EQ(0, lodge_vm_set_region(&self->guest.vm, 1, 0, GPA, PAGE,
					 bar));
	lodge_guest_call(&self->guest.vcpu, read_words, 0);
	lodge_vcpu_expect_out(&self->guest.vcpu, LODGE_GUEST_PORT);
	ASSERT_EQ(0, munmap(bar, PAGE));
	lodge_guest_call(&self->guest.vcpu, read_words, 0);
	ASSERT_EQ(-EFAULT, lodge_vcpu_run(&self->guest.vcpu));
}

LODGE_TEST_MAIN
