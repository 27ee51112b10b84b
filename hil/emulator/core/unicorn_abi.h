// The part of Unicorn 2's public C interface that the core uses (unicorn/unicorn.h, unicorn/arm.h).
// The library is opened at run time, so that building the core needs no Unicorn headers.
#ifndef HIL_EMULATOR_UNICORN_ABI_H
#define HIL_EMULATOR_UNICORN_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct uc_struct uc_engine;

typedef struct {
  int (*open)(int arch, int mode, uc_engine **uc);
  int (*close)(uc_engine *uc);
  int (*emu_start)(uc_engine *uc, uint64_t begin, uint64_t until, uint64_t timeout, size_t count);
  int (*emu_stop)(uc_engine *uc);
  int (*reg_read)(uc_engine *uc, int reg, void *value);
  int (*reg_write)(uc_engine *uc, int reg, const void *value);
  int (*hook_add)(uc_engine *uc, size_t *hook, int type, void *callback, void *user, uint64_t begin,
                  uint64_t end, ...);
  int (*hook_del)(uc_engine *uc, size_t hook);
  int (*mem_map_ptr)(uc_engine *uc, uint64_t address, size_t size, uint32_t perms, void *host);
  int (*mem_protect)(uc_engine *uc, uint64_t address, size_t size, uint32_t perms);
  int (*mem_write)(uc_engine *uc, uint64_t address, const void *bytes, size_t size);
  int (*mmio_map)(uc_engine *uc, uint64_t address, size_t size, void *read, void *read_user,
                  void *write, void *write_user);
  int (*ctl)(uc_engine *uc, uint32_t control, ...);
  const char *(*strerror)(int code);
} UnicornApi;

enum { UC_ARCH_ARM = 1, UC_MODE_THUMB = 1 << 4, UC_MODE_MCLASS = 1 << 5 };
enum { UC_PROT_NONE = 0, UC_PROT_READ = 1, UC_PROT_WRITE = 2, UC_PROT_EXEC = 4 };
enum { UC_ERR_OK = 0, UC_ERR_INSN_INVALID = 10, UC_ERR_EXCEPTION = 21 };

enum {
  UC_HOOK_INTR = 1 << 0,
  UC_HOOK_CODE = 1 << 2,
  UC_HOOK_BLOCK = 1 << 3,
  UC_HOOK_MEM_INVALID = 0x3f << 4,  // read, write, fetch; unmapped and protected
  UC_HOOK_INSN_INVALID = 1 << 14,
  UC_HOOK_TLB_FILL = 1 << 17,
};

enum {
  UC_MEM_FETCH = 18,
  UC_MEM_READ_UNMAPPED = 19,
  UC_MEM_WRITE_UNMAPPED = 20,
  UC_MEM_FETCH_UNMAPPED = 21,
  UC_MEM_WRITE_PROT = 22,
  UC_MEM_READ_PROT = 23,
  UC_MEM_FETCH_PROT = 24,
};

// Interrupt numbers that UC_HOOK_INTR reports for M profile (QEMU's EXCP_*).
enum { UC_INTR_SVC = 2, UC_INTR_BKPT = 7, UC_INTR_EXC_RETURN = 8, UC_INTR_NOCP = 17 };

#define UC_CTL_READ(type, nr) ((uint32_t)(type) | (uint32_t)(nr) << 26 | 2u << 30)
#define UC_CTL_WRITE(type, nr) ((uint32_t)(type) | (uint32_t)(nr) << 26 | 1u << 30)
enum {
  UC_CTL_UC_USE_EXITS = 4,
  UC_CTL_UC_EXITS = 6,
  UC_CTL_CPU_MODEL = 7,
  UC_CTL_TB_REMOVE_CACHE = 9,
  UC_CTL_TB_FLUSH = 10,
  UC_CTL_TLB_FLUSH = 11,
  UC_CTL_TLB_TYPE = 12,
};

// uc_tlb_entry
typedef struct {
  uint64_t paddr;
  uint32_t perms;
} TlbEntry;

enum {
  UC_ARM_REG_FPSCR = 6,
  UC_ARM_REG_LR = 10,
  UC_ARM_REG_PC = 11,
  UC_ARM_REG_SP = 12,
  UC_ARM_REG_R0 = 66,
  UC_ARM_REG_R12 = 78,
  UC_ARM_REG_S0 = 79,
  UC_ARM_REG_IPSR = 114,
  UC_ARM_REG_MSP = 115,
  UC_ARM_REG_PSP = 116,
  UC_ARM_REG_CONTROL = 117,
  UC_ARM_REG_XPSR = 120,
  UC_ARM_REG_PRIMASK = 123,
  UC_ARM_REG_BASEPRI = 124,
  UC_ARM_REG_FAULTMASK = 126,
  UC_ARM_REG_XPSR_NZCVQG = 138,  // written: all of the xPSR; UC_ARM_REG_XPSR leaves out GE
};

// Opens the library at `path` and fills `api`; on failure writes the reason to `error`.
bool unicorn_load(const char *path, UnicornApi *api, char *error, size_t error_size);

#endif
