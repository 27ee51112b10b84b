// The model and the build manifest, as they are in their files.
    .section .model, "a", %progbits
    .balign 16
    .global model_data
    .global model_data_end
model_data:
    .incbin "model.tflite"
model_data_end:

// Read by the host from the ELF; takes no flash.
    .section .hil_manifest, "", %progbits
    .incbin "manifest.json"
