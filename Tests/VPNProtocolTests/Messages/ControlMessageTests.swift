import ProtocolTestKit
import Testing
import VPNProtocol

@Suite struct ControlMessageTests {
    @Test func `the published record is split as OpenVPN does`() {
        let record = Array("valid control message\r\n\0\0Invalid\r\none\0valid one again\0".utf8)
        #expect(
            ControlMessage.messages(in: record)
                == [.unknown("valid control message"), .unknown("valid one again")])
        #expect(ControlMessage.messages(in: Array("no NUL".utf8)).isEmpty)
        #expect(ControlMessage.messages(in: Array("EXIT\0rest".utf8)) == [.exit])
        #expect(ControlMessage.messages(in: []).isEmpty)
    }

    @Test func `records that are too long or no text are left out`() {
        let long = Array("INFO,".utf8) + [UInt8](repeating: 65, count: 2_048) + [0]
        #expect(ControlMessage.messages(in: long).isEmpty)
        for bad: UInt8 in [1, 9, 0x1B, 0x7F, 0xFF, 0xC3] {
            #expect(ControlMessage.messages(in: Array("EX".utf8) + [bad] + Array("IT\0".utf8)).isEmpty)
        }
    }

    @Test(arguments: [
        (ControlMessage.pushRequest, "PUSH_REQUEST"), (.exit, "EXIT"),
        (.challengeResponse("MTIz"), "CR_RESPONSE,MTIz"), (.info("x,y"), "INFO,x,y"),
        (.infoPre("WEB_AUTH::https://a"), "INFO_PRE,WEB_AUTH::https://a"),
        (.authFailed(.permanent(reason: "")), "AUTH_FAILED"),
        (.authFailed(.permanent(reason: "no")), "AUTH_FAILED,no"),
        (.authFailed(.session(reason: "expired")), "AUTH_FAILED,SESSION:expired"),
        (.authFailed(.challenge("R,E:abc:YQ==:Code?")), "AUTH_FAILED,CRV1:R,E:abc:YQ==:Code?"),
        (
            .authFailed(.temporary(.init(backoffSeconds: 42, advance: .no), reason: "full")),
            "AUTH_FAILED,TEMP[backoff 42,advance no]:full"
        ),
        (.authFailed(.temporary(.init(advance: .address), reason: "")), "AUTH_FAILED,TEMP[advance addr]:"),
        (
            .authFailed(.temporary(.init(), reason: "There are no flags here [really not]")),
            "AUTH_FAILED,TEMP:There are no flags here [really not]"
        ),
        (.authPending(timeoutSeconds: nil), "AUTH_PENDING"),
        (.authPending(timeoutSeconds: 60), "AUTH_PENDING,timeout 60"),
        (.restart([], reason: ""), "RESTART"), (.restart([], reason: "soon"), "RESTART,soon"),
        (.restart([.nextRemote, .keepCredentials], reason: ""), "RESTART,[NP]:"),
        (.restart([.keepCredentials], reason: "move"), "RESTART,[P]:move"),
        (.restart([], reason: "[N]x"), "RESTART,[]:[N]x"),
        (.halt(reason: ""), "HALT"), (.halt(reason: "bye"), "HALT,bye"), (.unknown("ACC,x,A,1,y"), "ACC,x,A,1,y"),
    ])
    func `messages are written and read`(message: ControlMessage, text: String) {
        #expect(message.text == text)
        #expect(ControlMessage(text: text) == message)
        #expect(ControlMessage.messages(in: message.bytes) == [message])
    }

    @Test func `flags that are not known or not right are passed over`() {
        #expect(
            ControlMessage(text: "AUTH_FAILED,TEMP[backoff x,advance up,foo,bar 1]go")
                == .authFailed(.temporary(.init(), reason: "go")))
        #expect(
            ControlMessage(text: "AUTH_FAILED,TEMP[backoff 77,advance remote]:go")
                == .authFailed(.temporary(.init(backoffSeconds: 77, advance: .remote), reason: "go")))
        #expect(ControlMessage(text: "AUTH_FAILED,TEMP[open") == .authFailed(.temporary(.init(), reason: "[open")))
        #expect(ControlMessage(text: "RESTART,[XN]far") == .restart([.nextRemote], reason: "far"))
        #expect(ControlMessage(text: "AUTH_PENDING,timeout -1") == .authPending(timeoutSeconds: nil))
    }

    @Test func `unknown messages are fit for logs`() {
        let message = ControlMessage(text: "GR\u{FC}SSE," + String(repeating: "x", count: 1_000))
        guard case .unknown(let text) = message else {
            Issue.record("\(message)")
            return
        }
        #expect(text.utf8.count == 256 && text.hasPrefix("GR__SSE,"))
        #expect(ControlMessage(text: "PUSH_REQUEST,x") == .unknown("PUSH_REQUEST,x"))
        #expect(ControlMessage(text: "PUSH_REPLY,\u{FC}") == .unknown("PUSH_REPLY malformed"))
    }

    @Test func `control characters in a reason do not end the message`() {
        #expect(ControlMessage.halt(reason: "a\0b\nc").bytes == Array("HALT,a b c\0".utf8))
    }
}
