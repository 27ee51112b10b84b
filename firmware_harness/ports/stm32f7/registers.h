// Registers of the Cortex-M7 and the STM32F74x/F75x that the harness touches.
// RM = ST RM0385, ARM = ARMv7-M Architecture Reference Manual (DDI 0403E), PM = ST PM0253.
#ifndef HIL_STM32F7_REGISTERS_H
#define HIL_STM32F7_REGISTERS_H

#include <stdint.h>

#define HIL_REGISTER(address) (*(volatile uint32_t *)(address))

// System control space (ARM B3.2)
#define SCB_VTOR HIL_REGISTER(0xE000ED08u)
#define SCB_CCR HIL_REGISTER(0xE000ED14u)
#define SCB_CCR_IC (1u << 17)
#define SCB_CCR_DC (1u << 16)
#define SCB_CFSR HIL_REGISTER(0xE000ED28u)
#define SCB_HFSR HIL_REGISTER(0xE000ED2Cu)
#define SCB_MMFAR HIL_REGISTER(0xE000ED34u)
#define SCB_BFAR HIL_REGISTER(0xE000ED38u)
#define SCB_CCSIDR HIL_REGISTER(0xE000ED80u)
#define SCB_CSSELR HIL_REGISTER(0xE000ED84u)
#define SCB_CPACR HIL_REGISTER(0xE000ED88u)
#define SCB_CPACR_FPU (0xFu << 20)
#define SCB_DEMCR HIL_REGISTER(0xE000EDFCu)
#define SCB_DEMCR_TRCENA (1u << 24)
#define SCB_ICIALLU HIL_REGISTER(0xE000EF50u)
#define SCB_DCISW HIL_REGISTER(0xE000EF60u)

// Data watchpoint and trace unit (ARM C1.8); lock access register: CoreSight (ARM IHI 0029)
#define DWT_CTRL HIL_REGISTER(0xE0001000u)
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DWT_CYCCNT HIL_REGISTER(0xE0001004u)
#define DWT_LAR HIL_REGISTER(0xE0001FB0u)
#define DWT_LAR_KEY 0xC5ACCE55u

// Power controller (RM 4.4)
#define PWR_CR1 HIL_REGISTER(0x40007000u)
#define PWR_CR1_VOS_SCALE1 (3u << 14)
#define PWR_CR1_ODEN (1u << 16)
#define PWR_CR1_ODSWEN (1u << 17)
#define PWR_CSR1 HIL_REGISTER(0x40007004u)
#define PWR_CSR1_ODRDY (1u << 16)
#define PWR_CSR1_ODSWRDY (1u << 17)

// Flash interface (RM 3.7)
#define FLASH_ACR HIL_REGISTER(0x40023C00u)
#define FLASH_ACR_LATENCY 0xFu
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ARTEN (1u << 9)

// Reset and clock control (RM 5.3)
#define RCC_CR HIL_REGISTER(0x40023800u)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_HSEBYP (1u << 18)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR HIL_REGISTER(0x40023804u)
#define RCC_PLLCFGR_PLLN_SHIFT 6
#define RCC_PLLCFGR_PLLP_SHIFT 16
#define RCC_PLLCFGR_PLLSRC_HSE (1u << 22)
#define RCC_PLLCFGR_PLLQ_SHIFT 24
#define RCC_CFGR HIL_REGISTER(0x40023808u)
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS_SHIFT 2
#define RCC_CFGR_HPRE_SHIFT 4
#define RCC_CFGR_PPRE1_SHIFT 10
#define RCC_CFGR_PPRE2_SHIFT 13
#define RCC_AHB1ENR HIL_REGISTER(0x40023830u)
#define RCC_APB1ENR HIL_REGISTER(0x40023840u)
#define RCC_APB1ENR_PWREN (1u << 28)
#define RCC_APB2ENR HIL_REGISTER(0x40023844u)
#define RCC_CSR HIL_REGISTER(0x40023874u)
#define RCC_CSR_RMVF (1u << 24)
#define RCC_CSR_PINRSTF (1u << 26)
#define RCC_CSR_PORRSTF (1u << 27)
#define RCC_CSR_SFTRSTF (1u << 28)
#define RCC_CSR_IWDGRSTF (1u << 29)
#define RCC_CSR_WWDGRSTF (1u << 30)

// GPIO ports (RM 6.4)
#define GPIO_BASE(port) (0x40020000u + 0x400u * (port))
#define GPIO_MODER(port) HIL_REGISTER(GPIO_BASE(port) + 0x00u)
#define GPIO_OSPEEDR(port) HIL_REGISTER(GPIO_BASE(port) + 0x08u)
#define GPIO_PUPDR(port) HIL_REGISTER(GPIO_BASE(port) + 0x0Cu)
#define GPIO_AFR(port, pin) HIL_REGISTER(GPIO_BASE(port) + 0x20u + 4u * ((pin) / 8u))

// USARTs (RM 31.8)
#define USART_CR1(base) HIL_REGISTER((base) + 0x00u)
#define USART_CR1_UE (1u << 0)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_BRR(base) HIL_REGISTER((base) + 0x0Cu)
#define USART_ISR(base) HIL_REGISTER((base) + 0x1Cu)
#define USART_ISR_ORE (1u << 3)
#define USART_ISR_RXNE (1u << 5)
#define USART_ISR_TXE (1u << 7)
#define USART_ICR(base) HIL_REGISTER((base) + 0x20u)
#define USART_ICR_ERRORS 0xFu
#define USART_RDR(base) HIL_REGISTER((base) + 0x24u)
#define USART_TDR(base) HIL_REGISTER((base) + 0x28u)

#endif
