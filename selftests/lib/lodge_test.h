/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lodge_test.h - everything a test includes
 */
#ifndef LODGE_SELFTEST_LODGE_TEST_H
#define LODGE_SELFTEST_LODGE_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "check.h"
#include "dev.h"
#include "guest.h"
#include "host.h"
#include "param.h"
#include "vm.h"

#endif
